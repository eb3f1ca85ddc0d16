"""Network cameras, rtsp:// and http://, with OpenCV's FFmpeg.

Frames are stamped when they arrive: many cameras guess a stream's times from a nominal rate, and
those of the others drift away from our clock.
"""

from __future__ import annotations

import os
import time

import numpy as np

from asmnet_edge.errors import DataError
from asmnet_edge.runtime.cameras.shot import CapturedImage, Grab, Wanted


def open_stream(source: str, wanted: Wanted) -> Grab:
    """Open the stream at the address ``source`` in its own size and at its own rate."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fflags;nobuffer")
    camera = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
    if not camera.isOpened():
        raise DataError(
            f"{source} cannot be opened", "Check address, name and password, and that it is on"
        )
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def grab() -> CapturedImage | None:
        there, picture = camera.read()
        if not there or picture is None:
            return None
        return CapturedImage(np.asarray(picture, np.uint8), time.monotonic())

    return grab
