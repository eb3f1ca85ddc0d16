"""One annotated face, and the protocol that every data set implements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.images import Picture


@dataclass(frozen=True)
class Sample:
    """A face in a picture.

    name : unique within its data set; identity : faces that share it must not be split between
    training and validation; load : reads the picture, (H, W, 3) uint8 BGR; landmarks : in its
    pixels; pose : exact yaw, pitch, roll (3,) in degrees where known, else None
    in_test : the same photo is in a test subset too, so it must not be trained on
    drawn : not a photo, so results on it say nothing about real faces
    file : of the picture, where it has one
    """

    name: str
    identity: str
    load: Callable[[], Picture]
    landmarks: Landmarks
    pose: FloatArray | None = None
    in_test: bool = False
    drawn: bool = False
    file: Path | None = None


Item = TypeVar("Item")
OnBroken = Callable[[DataError], None]


def refuse(error: DataError) -> None:
    """Raise ``error``: the default for broken faces."""
    raise error


def learnable(samples: Iterable[Sample]) -> list[Sample]:
    """Return those of ``samples`` that training, calibration and model selection may use."""
    return [sample for sample in samples if not sample.in_test]


def unbroken(
    make: Callable[[Item], Sample], items: Iterable[Item], on_broken: OnBroken
) -> list[Sample]:
    """Return ``make(item)`` of each item, less those whose `DataError` goes to ``on_broken``."""
    samples = []
    for item in items:
        try:
            samples.append(make(item))
        except DataError as error:
            on_broken(error)
    return samples


@dataclass(frozen=True)
class Missing:
    """Number of faces of ``part`` that the official data set has and this copy lacks."""

    part: str
    faces: int


class Dataset(Protocol):
    """A data set with named subsets, of which only ``train`` may be trained on.

    name : as in records and tables; licence : of its pictures, and so of weights trained on them
    """

    name: str
    licence: str
    scheme: LandmarkScheme

    @property
    def subsets(self) -> Sequence[str]:
        """Names of the subsets that exist in this copy."""

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces of ``subset``, always in the same order.

        ``on_broken`` is called for each annotation that cannot be used; if it returns, that face
        is left out. `DataError` when there is no face at all.
        """

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return what this copy lacks of ``subset``; empty without an official size."""
