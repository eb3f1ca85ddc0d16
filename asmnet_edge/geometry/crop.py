"""The crop rule: which square of the image becomes the network's input, and the way back.

Every mapping between picture and crop is one affine matrix made by `crop_matrix`; nothing else in
the program computes such coordinates. Pixel centres lie at integer coordinates in both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.landmarks import Box, FloatArray, Landmarks
from asmnet_edge.geometry.pose import in_plane_roll, turned

FILL = 128  # the network's zero: (128 - 128) / 128, as its own zero padding


@dataclass(frozen=True)
class Square:
    """The square of a picture that becomes a crop; `CropRule.square` makes it.

    centre, side : in picture pixels; rotation : degrees by which the content turns clockwise on its
    way into the crop, 0 for a square whose sides are level
    """

    centre: tuple[float, float]
    side: float
    rotation: float = 0.0

    def matrix(self, size: int) -> FloatArray:
        """Return the affine matrix (2, 3) from image pixels to those of a crop of ``size``."""
        return crop_matrix(self.centre, self.side, size, self.rotation)

    def pose_in_crop(self, pose: FloatArray) -> FloatArray:
        """Return the pose (..., 3) in the crop of a head that has ``pose`` in the image."""
        return turned(pose, self.rotation) if self.rotation else pose

    def pose_in_picture(self, pose: FloatArray) -> FloatArray:
        """Return the pose (..., 3) in the image of a head that has ``pose`` in the crop."""
        return turned(pose, -self.rotation) if self.rotation else pose


@dataclass(frozen=True)
class CropRule:
    """Square around a face box: centre kept, side = ``margin`` x the longer side.

    margin : factor on the longer side; size : pixels of the crop's side
    upright : whether the network expects each crop that is cut by landmarks turned by their roll,
    so that the face in it is upright; one that is cut by a detector's box is level all the same
    """

    margin: float = 1.25
    size: int = 224
    upright: bool = False

    def __post_init__(self) -> None:
        if not self.margin > 0 or self.size < 1:
            raise UsageError(f"a crop needs margin > 0 and size >= 1, got {self}")
        if not isinstance(self.upright, bool):
            raise UsageError(f"upright must be true or false, got {self.upright!r}")

    @property
    def level(self) -> CropRule:
        """The same rule with level squares, as the protocols of 300W and WFLW cut."""
        return replace(self, upright=False)

    def square(self, where: Box | Landmarks) -> Square:
        """Return the square to cut for the face in a box or around landmarks, picture pixels."""
        if isinstance(where, Landmarks):
            if self.upright:
                return self._upright(where)
            where = where.box
        return Square(where.centre, self.margin * max(where.width, where.height))

    def matrix(self, where: Box | Landmarks) -> FloatArray:
        """Return the affine matrix (2, 3) from image to crop pixels for the face ``where``."""
        return self.square(where).matrix(self.size)

    def _upright(self, landmarks: Landmarks) -> Square:
        """Return the square around the tight box of ``landmarks`` after they are turned upright."""
        rotation = -in_plane_roll(landmarks.points, landmarks.scheme)
        turn = crop_matrix((0.0, 0.0), 1.0, 1, rotation)  # about the origin: a plain rotation
        turned = transform(landmarks.points, turn)
        low, high = turned.min(axis=0), turned.max(axis=0)
        x, y = transform((low + high) / 2, invert(turn)).tolist()
        return Square((x, y), self.margin * float((high - low).max()), rotation)


def crop_matrix(
    centre: tuple[float, float],
    side: float,
    size: int,
    rotation: float = 0.0,
    mirrored: bool = False,
) -> FloatArray:
    """Return the affine matrix (2, 3) from image pixels to the pixels of a square crop.

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
    """Return the inverse of the affine ``matrix`` (2, 3), as (2, 3).

    By Cramer's rule in plain numbers: a tenth of what NumPy takes for a matrix so small.
    """
    (a, b, x), (c, d, y) = matrix.tolist()
    rows = [[d, -b, b * y - d * x], [-c, a, c * x - a * y]]
    return np.array(rows) / (a * d - b * c)


def transform(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return ``points`` (..., 2) mapped by the affine ``matrix`` (2, 3): p A^T + b."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def cut(
    picture: NDArray[np.uint8],
    matrix: FloatArray,
    size: int,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Cut the crop (size, size, channels) that ``matrix`` maps ``picture`` (H, W, channels) to.

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
    """Return ``points`` (..., 2) in crop pixels as relative coordinates: (column + 0.5) / size."""
    return (points + 0.5) / size


def from_relative(points: FloatArray, size: int) -> FloatArray:
    """Return relative ``points`` (..., 2) in pixels of a crop of ``size``; undoes `to_relative`."""
    return points * size - 0.5
