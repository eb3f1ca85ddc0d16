"""Cameras in the network, rtsp:// and http://, with OpenCV's FFmpeg.

Frames are stamped when they arrive: a stream's own times are guessed from a nominal rate by many
cameras, and run away from ours with the others.
"""

from __future__ import annotations

import os
import time

import numpy as np

from asmnet_edge.errors import DataError
from asmnet_edge.runtime.cameras.shot import Grab, Shot, Wanted


def open_camera(source: str, wanted: Wanted) -> Grab:
    """The stream at the address ``source``, in the size and at the rate that it comes."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fflags;nobuffer")
    camera = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
    if not camera.isOpened():
        raise DataError(
            f"{source} cannot be opened", "Check address, name and password, and that it is on"
        )
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def grab() -> Shot | None:
        there, picture = camera.read()
        if not there or picture is None:
            return None
        return Shot(np.asarray(picture, np.uint8), time.monotonic())

    return grab
