"""Toys of what a contributor adds, each with its line: a landmark scheme, a metric, data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from asmnet_edge.datasets.catalog import DATASETS
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import SCHEMES, LandmarkScheme
from asmnet_edge.io.images import Picture
from asmnet_edge.io.registry import Entry, Registry

TRIANGLE = LandmarkScheme(
    name="triangle3",
    points=3,
    groups={"eyes": (0, 1), "mouth": (2,)},
    contours=(((0, 1, 2), True),),
    swaps={0: 1},
    eye_corners=(0, 1),
    eyes=((0,), (1,)),
)
POSE = np.array([10.0, -5, 2])


def worst_point(comparison: metrics.Comparison) -> float:
    return float(comparison.point_errors.max())


class Triangles:
    """Data set of one triangle, or as many as its argument says."""

    name, licence, scheme = "triangles", "none", TRIANGLE
    subsets: Sequence[str] = ("train",)
    pose: np.ndarray | None = POSE

    def __init__(self, count: str) -> None:
        self.count = int(count or 1)

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        points = np.array([[20, 20], [40, 20], [30, 45.0]])
        marks = [Landmarks(points + number, TRIANGLE) for number in range(self.count)]
        return [Sample(f"t{n}", f"t{n}", _picture, m, self.pose) for n, m in enumerate(marks)]

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()


class Poseless(Triangles):
    pose = None


def _picture() -> Picture:
    return np.full((64, 64, 3), 90, np.uint8)


@contextmanager
def line(registry: Registry, entry: Entry) -> Iterator[None]:
    registry.add(entry)
    try:
        yield
    finally:
        registry.remove(entry.name)


SCHEME = Entry("triangle3", __name__, "TRIANGLE", "three points")
METRIC = Entry("worst_point", __name__, "worst_point", "largest error of a point")
DATASET = Entry("toy", __name__, "Triangles", "drawn triangles", "COUNT")
POSELESS = Entry("poseless", __name__, "Poseless", "the same without pose", "COUNT")


@contextmanager
def registered_data() -> Iterator[None]:
    """Register the scheme and both data sets."""
    with line(SCHEMES, SCHEME), line(DATASETS, DATASET), line(DATASETS, POSELESS):
        yield
