"""One annotated face, and the protocol that every data set fills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.schemes import LandmarkScheme


@dataclass(frozen=True)
class Sample:
    """A face in a picture.

    name : unique within its data set; identity : faces that share it must not be split between
    training and validation; load : reads the picture, (H, W, 3) uint8 BGR; landmarks : in its
    pixels; pose : exact yaw, pitch, roll (3,) in degrees where known, else None
    in_test : the same photo is in a test subset too, so nothing may be learnt from it
    drawn : not a photo, so that nothing measured on it tells of real faces
    file : the picture's, where it is one of its own
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
    """What is done about a broken face unless the caller says otherwise."""
    raise error


def learnable(samples: Iterable[Sample]) -> list[Sample]:
    """Those of ``samples`` that training, calibrating and choosing may see."""
    return [sample for sample in samples if not sample.in_test]


def unbroken(
    make: Callable[[Item], Sample], items: Iterable[Item], on_broken: OnBroken
) -> list[Sample]:
    """What ``make`` gives for each item; those it raises `DataError` for are told and left out."""
    samples = []
    for item in items:
        try:
            samples.append(make(item))
        except DataError as error:
            on_broken(error)
    return samples


@dataclass(frozen=True)
class Missing:
    """How many faces of a ``part`` the official data set has and this copy lacks."""

    part: str
    faces: int


class Dataset(Protocol):
    """A data set with named subsets; ``train`` is the only one that may be learnt from.

    licence : what its pictures may be used for, and so the weights learnt from them
    """

    name: str
    licence: str
    scheme: LandmarkScheme

    @property
    def subsets(self) -> Sequence[str]:
        """Names that `samples` takes."""

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """The faces of ``subset``, always in the same order.

        ``on_broken`` is told of each annotation that cannot be used; if it returns, that face is
        left out. `DataError` when no face is there at all.
        """

    def missing(self, subset: str) -> Sequence[Missing]:
        """What this copy lacks of ``subset``; empty for data sets without an official size."""
