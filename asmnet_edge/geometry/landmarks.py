"""Landmarks of one face, and boxes around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.schemes import LandmarkScheme

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Box:
    """Axis-aligned box in pixels; pixel centres lie at integer coordinates.

    x, y : left and top edge; width, height : extent; `DataError` unless positive
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (self.width > 0 and self.height > 0):
            raise DataError(f"a box must have positive sides, got {self.width} x {self.height}")

    @property
    def centre(self) -> tuple[float, float]:
        """x, y of the middle, in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True)
class Landmarks:
    """Landmarks of one face.

    points : (n, 2) float64, x, y in pixels, in the order of ``scheme``; `DataError` for another
    shape or numbers that are not finite
    scheme : meaning of each point; ``scheme.groups["left_eye"]`` are the indices of a region
    """

    points: FloatArray
    scheme: LandmarkScheme

    def __post_init__(self) -> None:
        points = np.asarray(self.points, np.float64)
        if points.shape != (self.scheme.points, 2):
            raise DataError(f"points must be ({self.scheme.points}, 2), got {points.shape}")
        if not np.isfinite(points).all():
            raise DataError(f"point {int(np.argwhere(~np.isfinite(points))[0, 0])} is not finite")
        object.__setattr__(self, "points", points)

    @cached_property
    def box(self) -> Box:
        """Tight box around the points."""
        return bounding_box(self.points)


def bounding_box(points: FloatArray) -> Box:
    """Return the tight box around ``points`` (n, 2), pixels; `DataError` if it has no extent."""
    low, high = points.min(axis=0), points.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
