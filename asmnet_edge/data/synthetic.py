"""Drawn faces: a data set for anyone without one, with exact landmarks and exact pose.

Face k of seed s is a pure function of (s, k): same numbers, same bytes, on the same versions of
NumPy and OpenCV. Eyes, brows, nose and mouth are painted around the very points that are its
landmarks. Those of the jaw are points of the drawn head's surface: on the jaw, and where that is
hidden on the visible outline of the cheek, as 300W's annotators put them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from asmnet_edge.data.drawn_build import Build, sample_build
from asmnet_edge.data.drawn_face import render
from asmnet_edge.data.drawn_look import sample_look
from asmnet_edge.data.drawn_shape import Head, View, head_of, landmarks_3d, view_of
from asmnet_edge.data.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.schemes import IBUG68, LandmarkScheme

# number of the first face: the subsets of any two seeds have no face in common
FIRST: Mapping[str, int] = MappingProxyType({"train": 0, "test": 2**31})
SMALLEST = 32  # pixels; below, features vanish


@dataclass(frozen=True)
class DrawnFace:
    """A drawn face: picture (size, size, 3) uint8 BGR, its 68 landmarks, pose (3,) in degrees."""

    picture: Picture
    landmarks: Landmarks
    pose: FloatArray


class DrawnFaces:
    """``count`` drawn faces a subset, in square pictures of ``size`` pixels.

    ``wide`` : yaw up to 90 degrees, all as frequent, and pitch up to 40; else yaw up to 50, most
    faces nearly frontal
    """

    name = "synthetic"
    licence = "Apache-2.0 (drawn faces)"
    scheme: LandmarkScheme = IBUG68

    def __init__(
        self, count: int = 256, seed: int = 0, size: int = 256, wide: bool = False
    ) -> None:
        if not 1 <= count <= FIRST["test"]:
            raise UsageError(f"count must be from 1 to {FIRST['test']:,} faces, got {count}")
        _check(seed, size)
        self.count, self.seed, self.size, self.wide = count, seed, size, wide

    @property
    def subsets(self) -> Sequence[str]:
        return list(FIRST)

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """The faces of ``subset``; nothing is drawn before a sample is loaded."""
        if subset not in FIRST:
            raise DataError(f"drawn faces have no subset {subset!r}", f"Known: {', '.join(FIRST)}")
        first = FIRST[subset]
        return [self._sample(subset, k) for k in range(first, first + self.count)]

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()

    def _sample(self, subset: str, number: int) -> Sample:
        build, head, view = _plan(np.random.default_rng([self.seed, number]), self.size, self.wide)
        name = f"{subset}/{self.seed}-{number}{'-wide' if self.wide else ''}"
        load = partial(_load, (self.seed, number), self.size, self.wide)
        return Sample(name, name, load, _landmarks(head, view), build.pose, drawn=True)


def draw_face(
    seed: Sequence[int] | int,
    size: int = 256,
    wide: bool = False,
    pose: FloatArray | None = None,
) -> DrawnFace:
    """The face of that ``seed`` in a square picture of ``size`` pixels; ``wide`` as above.

    pose : (3,) in degrees, to see the same face in another pose than that of the seed
    """
    _check(seed, size)
    rng = np.random.default_rng(seed)
    build, head, view = _plan(rng, size, wide, pose)
    picture = render(head, view, sample_look(rng), rng, size)
    return DrawnFace(picture, _landmarks(head, view), build.pose)


def _check(seed: Sequence[int] | int, size: int) -> None:
    if min(np.atleast_1d(seed)) < 0:
        raise UsageError(f"a seed must not be negative, got {seed}")
    if size < SMALLEST:
        raise UsageError(f"drawn faces need at least {SMALLEST} pixels a side, got {size}")


def _plan(
    rng: Generator, size: int, wide: bool, pose: FloatArray | None = None
) -> tuple[Build, Head, View]:
    """What decides where the landmarks are; the first draws of ``rng``."""
    build = sample_build(rng, wide)
    build = build if pose is None else replace(build, pose=np.asarray(pose, np.float64))
    return build, head_of(build), view_of(build, size)


def _landmarks(head: Head, view: View) -> Landmarks:
    return Landmarks(view.project(landmarks_3d(head, view)), IBUG68)


def _load(seed: Sequence[int], size: int, wide: bool) -> Picture:
    return draw_face(seed, size, wide).picture
