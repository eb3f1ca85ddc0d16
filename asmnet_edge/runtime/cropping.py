"""Crops as network input, cut into memory that is used again for every face."""

from __future__ import annotations

import cv2
import numpy as np

from asmnet_edge.crop import CropRule, cut
from asmnet_edge.errors import PictureError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.backends.backend import Crop

COLOURS = ("bgr", "rgb")


def three_channels(picture: Picture) -> Picture:
    """Return ``picture`` as (H, W, 3): grey (H, W) or (H, W, 1) repeated, a fourth channel dropped.

    `PictureError` if it is no uint8 image.
    """
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.size == 0:
        raise PictureError(f"a picture must be (H, W, 3) uint8, got {_described(picture)}")
    if picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1):
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    if picture.ndim != 3 or picture.shape[2] not in (3, 4):
        raise PictureError(f"a picture must be (H, W, 3) uint8, got {_described(picture)}")
    return picture if picture.shape[2] == 3 else np.ascontiguousarray(picture[..., :3])


def _described(picture: object) -> str:
    if isinstance(picture, np.ndarray):
        return f"{picture.shape} {picture.dtype}"
    return type(picture).__name__


class Cropper:
    """Cuts crops by a rule; each call overwrites the previous crop.

    colour : order of the images' channels, bgr or rgb
    """

    def __init__(self, rule: CropRule, colour: str = "bgr") -> None:
        self._rule, self._swap = rule, colour == "bgr"
        self._cut = np.empty((rule.size, rule.size, 3), np.uint8)
        self._input = np.empty((1, rule.size, rule.size, 3), np.uint8)

    def cut(self, picture: Picture, matrix: FloatArray) -> Crop:
        """Return the input (1, s, s, 3) uint8 RGB that ``matrix`` maps ``picture`` (H, W, 3) to."""
        if not self._swap:
            cut(picture, matrix, self._rule.size, self._input[0])
            return self._input
        cut(picture, matrix, self._rule.size, self._cut)
        cv2.cvtColor(self._cut, cv2.COLOR_BGR2RGB, dst=self._input[0])
        return self._input
