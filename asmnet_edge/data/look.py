"""Looking at every face of a data set once: what of it is broken, and how each face lies."""

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
class Face:
    """A face that was looked at.

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
class Look:
    """A data set looked through. subsets : their faces; broken : where, by what is wrong"""

    label: str
    subsets: dict[str, list[Face]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def tell(self, where: str, error: DataError) -> None:
        """Note ``error`` once, however many subsets the file belongs to."""
        self.broken.setdefault(str(error), where)

    @property
    def groups(self) -> tuple[list[Face], list[Face]]:
        """The faces to learn from, and the others, each once."""
        train = self.subsets.get("train", [])
        others = {f.name: f for s, faces in self.subsets.items() if s != "train" for f in faces}
        return train, list(others.values())


def look(label: str, dataset: Dataset, progress: Progress) -> Look:
    """Read every picture of ``dataset``; nothing is raised for one that is broken."""
    looked, seen = Look(label), dict[str, Face]()
    for subset in dataset.subsets:
        samples = _samples(looked, dataset, subset)
        for sample in progress([s for s in samples if s.name not in seen]):
            where = f"{label} {subset} {sample.name}"
            try:
                seen[sample.name] = _face(where, sample)
            except DataError as error:
                looked.tell(where, error)
        looked.subsets[subset] = [seen[s.name] for s in samples if s.name in seen]
    return looked


def _samples(looked: Look, dataset: Dataset, subset: str) -> Sequence[Sample]:
    def tell(error: DataError) -> None:
        looked.tell(f"{looked.label} {subset}", error)

    try:
        return dataset.samples(subset, tell)
    except DataError as error:
        tell(error)
        return ()


def _face(where: str, sample: Sample) -> Face:
    picture, box = sample.load(), sample.landmarks.box
    side = max(box.width, box.height)
    # pixel centres are at integers, so the picture reaches half a pixel beyond the outer ones
    last = np.array(picture.shape[1::-1]) - 0.5
    beyond = np.maximum(-0.5 - sample.landmarks.points, sample.landmarks.points - last)
    outside = beyond.max(axis=1).clip(0) / side
    told = where, sample.name, sample.identity
    return Face(*told, side, outside, thumbnail(picture, box), sample.in_test)
