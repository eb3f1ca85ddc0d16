"""CSV tables of landmarks: ``image,x0,y0,x1,y1,...``, pictures in the folder of the same name.

``faces.csv`` annotates the pictures in ``faces/``. Coordinates count pixels from 0. The whole file
is training data. Two more columns may stand anywhere, found by their header:

* ``identity``: faces that share it are never split between training and validation. Without it,
  an identity is the picture's path less its suffix and less a trailing ``_<number>``, as frames of
  one video are named; where that leaves a single identity in the whole file (``IMG_0001.jpg``,
  ``IMG_0002.jpg``), it is the path less its suffix. So ``ann/1.jpg`` and ``ann/2.jpg`` are two
  identities: where folders are persons, give the column.
* ``drawn``: 1 for a face that is no photo, else 0.

A ``pose.csv`` beside the file gives the exact pose of its pictures: see `exactpose`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from asmnet_edge.data.exactpose import ExactPoses, read_csv
from asmnet_edge.data.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.landmarks import Landmarks
from asmnet_edge.pictures import leads_out, read_picture
from asmnet_edge.schemes import LandmarkScheme, scheme_with

IDENTITY, DRAWN = "identity", "drawn"  # headers of the optional columns
FRAME = re.compile(r"([^/])_[0-9]+$")  # the end of a path <video>_<number>


@dataclass(frozen=True)
class _Row:
    """A row of the file. line : its number, from 1; extra : its fields by `IDENTITY` and `DRAWN`"""

    line: int
    fields: int
    image: str
    coordinates: list[str]
    extra: Mapping[str, str]

    @classmethod
    def of(cls, header: Sequence[str], line: int, row: Sequence[str]) -> _Row:
        places = {place for place, name in enumerate(header) if name.strip() in (IDENTITY, DRAWN)}
        extra = {header[place].strip(): row[place] for place in places if place < len(row)}
        image, *coordinates = [x for i, x in enumerate(row) if i not in places] or [""]
        return cls(line, len(row), image, coordinates, extra)


class LandmarkTable:
    """The faces of one CSV file."""

    name = "csv"
    licence = "that of the table's pictures"
    subsets: Sequence[str] = ("train",)

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = read_csv(path)
        if len(rows) < 2 or len(rows[0]) < 3:
            raise DataError(f"{path} holds no faces", "Expected a header image,x0,y0,... and rows")
        header = rows[0]
        self._header = _Row.of(header, 1, header)
        self._rows = [_Row.of(header, n, r) for n, r in enumerate(rows[1:], start=2) if r]
        self._faces = Counter(row.image for row in self._rows)
        self._identities = identities_of(self._faces)
        self._poses = ExactPoses.beside(path)
        try:
            self.scheme: LandmarkScheme = scheme_with(len(self._header.coordinates) // 2)
        except UsageError as error:
            raise DataError(f"{path}: {error}") from error

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """The faces of the file; ``train`` is its only subset."""
        if subset != "train":
            raise DataError(f"{self.path} has no subset {subset!r}", "Known: train")
        return unbroken(self._sample, self._rows, on_broken)

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()

    def _sample(self, row: _Row) -> Sample:
        where, folder = f"{self.path}, line {row.line}", self.path.with_suffix("")
        expected = 1 + 2 * self.scheme.points + len(self._header.extra)
        if row.fields != expected:
            raise DataError(f"{where}: expected {expected} fields, got {row.fields}")
        if leads_out(row.image):
            raise DataError(f"{where}: the picture's path {row.image!r} leaves {folder}")
        try:
            landmarks = Landmarks(np.array(row.coordinates, "f8").reshape(-1, 2), self.scheme)
            identity, drawn = self._identity(row), _is_drawn(row)
        except (ValueError, DataError) as error:
            raise DataError(f"{where}: {error}") from error
        picture = folder / row.image
        load = partial(read_picture, picture)
        alone = self._faces[row.image] == 1
        pose = self._poses.of(row.image) if alone else None  # it cannot distinguish two faces
        name = row.image if alone else f"{row.image}#{row.line}"
        return Sample(name, identity, load, landmarks, pose, drawn=drawn, file=picture)

    def _identity(self, row: _Row) -> str:
        given = row.extra.get(IDENTITY, self._identities[row.image])
        if IDENTITY in row.extra and not given.strip():
            raise DataError("its identity is empty")
        return given.strip()


def identities_of(images: Iterable[str]) -> dict[str, str]:
    """Return the identity of each path of a picture, by the rule above."""
    paths = {image: PurePosixPath(image) for image in images}
    whole = {image: str(path.parent / path.stem) for image, path in paths.items()}
    videos = {image: FRAME.sub(r"\1", identity) for image, identity in whole.items()}
    return videos if len(set(videos.values())) > 1 else whole


def _is_drawn(row: _Row) -> bool:
    given = row.extra.get(DRAWN, "0").strip()
    if given not in ("0", "1"):
        raise DataError(f"{DRAWN} must be 0 or 1, got {given!r}")
    return given == "1"
