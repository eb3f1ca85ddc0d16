"""The ``.pts`` annotation format of the iBUG group.

``version:`` and ``n_points:`` lines, then one "x y" pair a line within braces; some copies have the
pairs alone. Files count pixels from 1; what this module returns counts from 0.

`PtsFolder` is a folder of pictures, each with a ``.pts`` file of the same name beside it: the
layout of most face sets that are not 300W.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_with
from asmnet_edge.io.images import SUFFIXES, read_image


def read_pts(path: Path) -> Landmarks:
    """Return the landmarks of a ``.pts`` file; `DataError` names the file and the wrong line."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a .pts text file") from error
    pairs = [
        _pair(path, number, line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and line.strip() not in "{}" and ":" not in line
    ]
    declared = [line for line in lines if line.strip().startswith("n_points:")]
    if declared and declared[0].split(":")[1].strip() != str(len(pairs)):
        raise DataError(f"{path} says {declared[0].strip()!r} but holds {len(pairs)} points")
    try:
        return Landmarks(np.array(pairs) - 1.0, scheme_with(len(pairs)))
    except (DataError, UsageError) as error:
        raise DataError(f"{path}: {error}") from error


def picture_of(pts: Path) -> Path:
    """Return the picture beside the annotation ``pts``; `DataError` when there is none."""
    pictures = [path for suffix in SUFFIXES if (path := pts.with_suffix(suffix)).exists()]
    if not pictures:
        raise DataError(f"{pts} has no picture beside it", f"Known: {', '.join(SUFFIXES)}")
    return pictures[0]


def _pair(path: Path, number: int, line: str) -> tuple[float, float]:
    try:
        x, y = map(float, line.split())
        if math.isfinite(x) and math.isfinite(y):
            return x, y
        raise ValueError("not finite")
    except ValueError as error:
        raise DataError(f"{path}, line {number}: expected 'x y', got {line.strip()!r}") from error


class PtsFolder:
    """Data set of the faces in the folder ``root``, all of one landmark scheme.

    There is one subset, ``train``; the licence is not known. Each picture is a separate identity,
    unless names show otherwise, see `identity_of`.
    """

    licence = "not known (.pts folder)"
    subsets: Sequence[str] = ("train",)

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.resolve().name
        if not self._files:
            raise DataError(
                f"{root} holds no .pts file", "Expected pictures with a .pts file beside each"
            )
        self.scheme: LandmarkScheme = read_pts(self._files[0]).scheme  # the others must have it too

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self.root.glob("*.pts"))

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces of the folder; ``train`` is its only subset."""
        if subset not in self.subsets:
            raise DataError(f"a .pts folder has no subset {subset!r}", "Known: train")
        return unbroken(self._sample, self._files, on_broken)

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return nothing: there is no official size."""
        return ()

    def _sample(self, pts: Path) -> Sample:
        landmarks = read_pts(pts)
        if landmarks.scheme is not self.scheme:
            raise DataError(
                f"{pts} has {landmarks.scheme.points} points, the first file {self.scheme.points}"
            )
        picture = picture_of(pts)
        load = partial(read_image, picture)
        return Sample(pts.stem, identity_of(pts.stem), load, landmarks, file=picture)


def identity_of(stem: str) -> str:
    """Return the person that a file's name shows: ``person.Still005``, ``person_12`` -> person."""
    return re.sub(r"_\d+$", "", stem.split(".")[0])
