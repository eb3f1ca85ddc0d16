"""Examination of every face of a data set: what is broken, and where each face lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from asmnet_edge.data.duplicates import thumbnail
from asmnet_edge.data.sample import Dataset, Sample
from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pictures import Picture

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


@dataclass(frozen=True)
class ExaminedFace:
    """A face that was examined.

    where : data set, subset, name; side : of its box, the longer, pixels; thumbnail : (32, 32)
    outside : (n,) how far each point lies outside the picture, as a share of ``side``
    in_test : as in `Sample`
    """

    where: str
    name: str
    identity: str
    side: float
    outside: FloatArray
    thumbnail: Picture
    in_test: bool = False


@dataclass
class Examination:
    """Result for a data set. subsets : their faces; broken : where, by what is wrong"""

    label: str
    subsets: dict[str, list[ExaminedFace]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def note(self, where: str, error: DataError) -> None:
        """Note ``error`` once, however many subsets the file belongs to."""
        self.broken.setdefault(str(error), where)

    @property
    def groups(self) -> tuple[list[ExaminedFace], list[ExaminedFace]]:
        """The training faces, and all others once each."""
        train = self.subsets.get("train", [])
        others = {f.name: f for s, faces in self.subsets.items() if s != "train" for f in faces}
        return train, list(others.values())


def examine(label: str, dataset: Dataset, progress: Progress) -> Examination:
    """Read every picture of ``dataset``; broken ones are noted, not raised."""
    result, seen = Examination(label), dict[str, ExaminedFace]()
    for subset in dataset.subsets:
        samples = _samples(result, dataset, subset)
        for sample in progress([s for s in samples if s.name not in seen]):
            where = f"{label} {subset} {sample.name}"
            try:
                seen[sample.name] = _face(where, sample)
            except DataError as error:
                result.note(where, error)
        result.subsets[subset] = [seen[s.name] for s in samples if s.name in seen]
    return result


def _samples(result: Examination, dataset: Dataset, subset: str) -> Sequence[Sample]:
    def note(error: DataError) -> None:
        result.note(f"{result.label} {subset}", error)

    try:
        return dataset.samples(subset, note)
    except DataError as error:
        note(error)
        return ()


def _face(where: str, sample: Sample) -> ExaminedFace:
    picture, box = sample.load(), sample.landmarks.box
    side = max(box.width, box.height)
    # pixel centres are at integers, so the picture reaches half a pixel beyond the outer ones
    last = np.array(picture.shape[1::-1]) - 0.5
    beyond = np.maximum(-0.5 - sample.landmarks.points, sample.landmarks.points - last)
    outside = beyond.max(axis=1).clip(0) / side
    names = where, sample.name, sample.identity
    return ExaminedFace(*names, side, outside, thumbnail(picture, box), sample.in_test)
