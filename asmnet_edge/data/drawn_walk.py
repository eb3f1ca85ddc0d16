"""A drawn face that walks about a picture, frame by frame: a film with nobody in it."""

from __future__ import annotations

import cv2
import numpy as np

from asmnet_edge.pictures import Picture

SIZE = (640, 480)  # width, height of a frame
PERIOD = 300  # frames from one time away to the next
AWAY = range(270, PERIOD)  # of each period


def walk_frame(number: int, face: Picture) -> Picture:
    """Frame (480, 640, 3) with ``face`` at its place of that moment, or without it."""
    frame = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    if number % PERIOD in AWAY:
        return frame
    x, y = 190 + 150 * np.sin(number / 40), 110 + 60 * np.cos(number / 31)
    matrix = np.array([[1, 0, x], [0, 1, y]])
    cv2.warpAffine(face, matrix, SIZE, dst=frame, borderMode=cv2.BORDER_TRANSPARENT)
    return frame
