"""The crop rule: which square of the picture the network sees, and the way back.

Every mapping between picture and crop is one affine matrix made by `crop_matrix`; nothing else in
the program computes such coordinates. Pixel centres lie at integer coordinates in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import UsageError
from asmnet_edge.landmarks import Box, FloatArray

FILL = 128  # the network's zero: (128 - 128) / 128, as its own zero padding


@dataclass(frozen=True)
class CropRule:
    """Square around a face box: centre kept, side = ``margin`` x the longer side.

    margin : factor on the longer side; size : pixels of the crop's side
    """

    margin: float = 1.25
    size: int = 224

    def __post_init__(self) -> None:
        if not self.margin > 0 or self.size < 1:
            raise UsageError(f"a crop needs margin > 0 and size >= 1, got {self}")

    def matrix(self, box: Box) -> FloatArray:
        """Affine matrix (2, 3) from picture pixels to crop pixels for the face in ``box``."""
        return crop_matrix(box.centre, self.margin * max(box.width, box.height), self.size)


def crop_matrix(
    centre: tuple[float, float],
    side: float,
    size: int,
    rotation: float = 0.0,
    mirrored: bool = False,
) -> FloatArray:
    """Affine matrix (2, 3) from picture pixels to the pixels of a square crop.

    centre : of the square, picture pixels; side : of the square, picture pixels
    size : side of the crop in its own pixels; rotation : degrees by which the *content* turns
    clockwise; mirrored : left and right exchanged after the turn

    The crop's centre is (size - 1) / 2 since its pixel centres run from 0 to size - 1.
    """
    angle, scale, middle = math.radians(rotation), size / side, (size - 1) / 2
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    x, y = float(centre[0]), float(centre[1])
    right, down = (-c, s) if mirrored else (c, -s), (s, c)
    offsets = [middle - a * x - b * y for a, b in (right, down)]
    return np.array([[*right, offsets[0]], [*down, offsets[1]]])


def invert(matrix: FloatArray) -> FloatArray:
    """The affine matrix (2, 3) that undoes ``matrix`` (2, 3).

    By Cramer's rule in plain numbers: a tenth of what NumPy takes for a matrix so small.
    """
    (a, b, x), (c, d, y) = matrix.tolist()
    rows = [[d, -b, b * y - d * x], [-c, a, c * x - a * y]]
    return np.array(rows) / (a * d - b * c)


def transform(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """``points`` (..., 2) carried through the affine ``matrix`` (2, 3)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def cut(
    picture: NDArray[np.uint8],
    matrix: FloatArray,
    size: int,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """The crop (size, size, channels) that ``matrix`` maps ``picture`` (H, W, channels) to.

    Shrinking by more than two averages areas first: bilinear sampling alone would skip pixels.
    ``out`` (size, size, channels), if given, is written to and returned.
    """
    picture, matrix = _shrink_first(picture, matrix)
    return cv2.warpAffine(  # type: ignore[return-value, call-overload]
        picture,
        matrix,
        (size, size),
        dst=out,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(FILL, FILL, FILL),
    )


def _shrink_first(
    picture: NDArray[np.uint8], matrix: FloatArray
) -> tuple[NDArray[np.uint8], FloatArray]:
    """Halve ``picture`` by area while one step of the crop spans two of its pixels or more."""
    while _scale(matrix) <= 0.5 and min(picture.shape[:2]) >= 2:
        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
        picture = cv2.resize(  # type: ignore[assignment]
            picture[:height, :width], (width // 2, height // 2), interpolation=cv2.INTER_AREA
        )
        # a halved pixel i covers 2i and 2i + 1: its centre lies at 2i + 0.5
        matrix = np.column_stack([2 * matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ [0.5, 0.5]])
    return picture, matrix


def _scale(matrix: FloatArray) -> float:
    """Pixels of the crop that a pixel of the picture becomes, along a side."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return float(abs(a * d - b * c) ** 0.5)


def to_relative(points: FloatArray, size: int) -> FloatArray:
    """Crop pixels -> the contract's relative coordinates: (column + 0.5) / size."""
    return (points + 0.5) / size


def from_relative(points: FloatArray, size: int) -> FloatArray:
    """The contract's relative coordinates -> crop pixels."""
    return points * size - 0.5
