"""Drawn faces as a data set: for anyone without one, with exact landmarks and exact pose.

Face k of seed s is that of the seed (s, k) of `asmnet_edge.rendering.drawn_face.draw_face`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme
from asmnet_edge.io.images import Picture
from asmnet_edge.rendering.drawn_face import check_drawable, draw_face, labels_of

# number of the first face: the subsets of any two seeds have no face in common
FIRST: Mapping[str, int] = MappingProxyType({"train": 0, "test": 2**31})
DEFAULT_COUNT = 256


class DrawnFaces:
    """Data set of ``count`` drawn faces a subset, in square pictures of ``size`` pixels.

    wide : as in `draw_face`. `UsageError` for a count, seed or size that cannot be drawn.
    """

    name = "synthetic"
    licence = "Apache-2.0 (drawn faces)"
    scheme: LandmarkScheme = IBUG68

    def __init__(
        self, count: int = DEFAULT_COUNT, seed: int = 0, size: int = 256, wide: bool = False
    ) -> None:
        if not 1 <= count <= FIRST["test"]:
            raise UsageError(f"count must be from 1 to {FIRST['test']:,} faces, got {count}")
        check_drawable(seed, size)
        self.count, self.seed, self.size, self.wide = count, seed, size, wide

    @property
    def subsets(self) -> Sequence[str]:
        """``train`` and ``test``, which have no face in common."""
        return list(FIRST)

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces of ``subset``; nothing is drawn before a sample is loaded."""
        if subset not in FIRST:
            raise DataError(f"drawn faces have no subset {subset!r}", f"Known: {', '.join(FIRST)}")
        first = FIRST[subset]
        return [self._sample(subset, k) for k in range(first, first + self.count)]

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return nothing: there is no official size."""
        return ()

    def _sample(self, subset: str, number: int) -> Sample:
        seed = self.seed, number
        landmarks, pose = labels_of(seed, self.size, self.wide)
        name = f"{subset}/{self.seed}-{number}{'-wide' if self.wide else ''}"
        load = partial(_load, seed, self.size, self.wide)
        return Sample(name, name, load, landmarks, pose, drawn=True)


def _load(seed: Sequence[int], size: int, wide: bool) -> Picture:
    return draw_face(seed, size, wide).picture


def drawn_faces(count: str, wide: bool = False) -> DrawnFaces:
    """Return ``count`` drawn faces, as a user writes it: empty for the default number."""
    try:
        return DrawnFaces(int(count or DEFAULT_COUNT), wide=wide)
    except ValueError as error:
        raise UsageError(f"synthetic: takes a number of faces, got {count!r}") from error


def wide_drawn_faces(count: str) -> DrawnFaces:
    """Return ``count`` drawn faces from profile to profile."""
    return drawn_faces(count, wide=True)
