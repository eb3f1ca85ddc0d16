"""A folder of pictures, each with a ``.pts`` file of the same name beside it.

The layout of most face sets that are not 300W. There is one subset, ``train``. Each picture is a
separate identity, unless names show otherwise: ``<person>.<anything>`` and
``<person>_<number>`` belong to one person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

from asmnet_edge.data.pts import picture_of, read_pts
from asmnet_edge.data.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.errors import DataError
from asmnet_edge.pictures import read_picture
from asmnet_edge.schemes import LandmarkScheme


class PtsFolder:
    """The faces of ``root``, all of one landmark scheme; their licence is not known."""

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
        if subset not in self.subsets:
            raise DataError(f"a .pts folder has no subset {subset!r}", "Known: train")
        return unbroken(self._sample, self._files, on_broken)

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()

    def _sample(self, pts: Path) -> Sample:
        landmarks = read_pts(pts)
        if landmarks.scheme is not self.scheme:
            raise DataError(
                f"{pts} has {landmarks.scheme.points} points, the first file {self.scheme.points}"
            )
        picture = picture_of(pts)
        load = partial(read_picture, picture)
        return Sample(pts.stem, identity_of(pts.stem), load, landmarks, file=picture)


def identity_of(stem: str) -> str:
    """``person.Still005`` and ``person_12`` -> ``person``."""
    return re.sub(r"_\d+$", "", stem.split(".")[0])
