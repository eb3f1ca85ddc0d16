"""Detection of frontal faces with OpenCV's Haar cascade, which comes with OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import local
from typing import Any

import cv2
import numpy as np

from asmnet_edge.errors import MissingExtraError
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.detector import Detector, DetectorOptions

# from scripts/calibrate_haar.py: the landmarks' box against Haar's, in sides of the latter
HAAR_SIDE = 0.869
HAAR_SHIFT = (0.0, 0.151)
SMALLEST_FACE = 0.06  # of the picture's shorter side
DETECTION_SIDE = 640  # pictures are shrunk to this longer side for detection

_threads = local()


def prepare(options: DetectorOptions) -> Callable[[], Detector]:
    """Open the detector ``haar`` of `asmnet_edge.runtime.detector.DETECTORS`."""
    return lambda: detect_haar_quickly if options.fast else detect_haar


def detect_haar(picture: Picture) -> list[Box]:
    """Return the frontal faces of ``picture`` (H, W, 3) BGR as landmarks' boxes, largest first."""
    return [_as_landmark_box(box) for box in haar_boxes(picture)]


def detect_haar_quickly(picture: Picture) -> list[Box]:
    """Do the same at half the size in a quarter of the time, as video needs it."""
    return [_as_landmark_box(box) for box in haar_boxes(picture, DETECTION_SIDE // 2)]


def haar_boxes(picture: Picture, side: int = DETECTION_SIDE) -> list[Box]:
    """Return the cascade's unchanged boxes, largest first, in pixels of ``picture`` (H, W, 3) BGR.

    side : pixels of its longer side to which the picture is shrunk first
    """
    small, shrink = shrunk(picture, side)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    smallest = max(24, round(SMALLEST_FACE * min(grey.shape)))
    found = _cascade().detectMultiScale(
        cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(smallest, smallest)
    )
    # OpenCV's boxes start at pixel edges: half a pixel before the first pixel's centre
    rows = np.array(found, float).reshape(-1, 4) / shrink - [0.5, 0.5, 0, 0]
    return _without_nested([Box(*row) for row in sorted(rows.tolist(), key=lambda r: -r[2])])


def shrunk(picture: Picture, side: int) -> tuple[Picture, float]:
    """Return ``picture`` with its longer side at most ``side`` pixels, and the factor applied."""
    shrink = min(1.0, side / max(picture.shape[:2]))
    if shrink == 1:
        return picture, 1.0
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return small, shrink  # type: ignore[return-value]


def _without_nested(boxes: list[Box]) -> list[Box]:
    """Drop those of ``boxes``, largest first, centred in a larger one: a face holds no faces."""
    kept: list[Box] = []
    for box in boxes:
        if not any(_holds(larger, box.centre) for larger in kept):
            kept.append(box)
    return kept


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return 0 < point[0] - box.x < box.width and 0 < point[1] - box.y < box.height


def _as_landmark_box(box: Box) -> Box:
    side = HAAR_SIDE * box.width
    x, y = box.centre[0] + HAAR_SHIFT[0] * box.width, box.centre[1] + HAAR_SHIFT[1] * box.width
    return Box(x - side / 2, y - side / 2, side, side)


def _cascade() -> Any:
    """Return this thread's cascade: it keeps its picture while it runs, so threads share none."""
    if not hasattr(_threads, "cascade"):
        _threads.cascade = _load_cascade()
    return _threads.cascade


def _load_cascade() -> Any:
    if not hasattr(cv2, "CascadeClassifier"):
        raise MissingExtraError(
            f"OpenCV {cv2.__version__} has no Haar cascades",
            "Install one that has: pip install 'opencv-python-headless<5'",
        )
    folder = Path(cv2.__file__).parent / "data"
    return cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))
