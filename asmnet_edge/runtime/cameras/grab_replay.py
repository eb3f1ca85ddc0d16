"""A video file in a loop at its own pace, in place of a camera."""

from __future__ import annotations

import time

import numpy as np

from asmnet_edge.errors import DataError
from asmnet_edge.runtime.cameras.shot import CapturedImage, Grab, Wanted


def open_replay(source: str, wanted: Wanted) -> Grab:
    """Open ``replay:FILE`` at the requested rate, else the video's own."""
    import cv2

    path = source.partition(":")[2]
    video = cv2.VideoCapture(path)
    if not video.isOpened():
        raise DataError(f"{path} cannot be opened as a video")
    pause = 1 / (wanted[2] or video.get(cv2.CAP_PROP_FPS) or 30)
    due = time.monotonic()

    def grab() -> CapturedImage | None:
        nonlocal due
        due = max(due + pause, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        there, picture = video.read()
        if not there:
            video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            there, picture = video.read()
        return CapturedImage(np.asarray(picture, np.uint8), time.monotonic()) if there else None

    return grab
