"""A plain CSV of landmarks: ``image,x0,y0,x1,y1,...``, pictures in the folder of the same name.

``faces.csv`` annotates the pictures in ``faces/``. Coordinates count pixels from 0. The whole file
is training data.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from asmnet_edge.data.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.landmarks import Landmarks
from asmnet_edge.pictures import read_picture
from asmnet_edge.schemes import LandmarkScheme, scheme_with


class LandmarkTable:
    """The faces of one CSV file."""

    name = "csv"
    licence = "that of the table's pictures"
    subsets: Sequence[str] = ("train",)

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open(newline="", encoding="utf-8") as file:
                self._rows = list(csv.reader(file))
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{path} is not a CSV text file: {error}") from error
        if len(self._rows) < 2 or len(self._rows[0]) < 3:
            raise DataError(f"{path} holds no faces", "Expected a header image,x0,y0,... and rows")
        self._faces = Counter(row[0] for row in self._rows if row)
        try:
            self.scheme: LandmarkScheme = scheme_with((len(self._rows[0]) - 1) // 2)
        except UsageError as error:
            raise DataError(f"{path}: {error}") from error

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """The faces of the file; ``train`` is its only subset."""
        if subset != "train":
            raise DataError(f"{self.path} has no subset {subset!r}", "Known: train")
        lines = [(line, row) for line, row in enumerate(self._rows, start=1) if row][1:]
        return unbroken(self._sample, lines, on_broken)

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()

    def _sample(self, numbered: tuple[int, list[str]]) -> Sample:
        line, row = numbered
        expected = 1 + 2 * self.scheme.points
        if len(row) != expected:
            raise DataError(f"{self.path}, line {line}: expected {expected} fields, got {len(row)}")
        try:
            landmarks = Landmarks(np.array(row[1:], np.float64).reshape(-1, 2), self.scheme)
        except (ValueError, DataError) as error:
            raise DataError(f"{self.path}, line {line}: {error}") from error
        load = partial(read_picture, self.path.with_suffix("") / row[0])
        name = row[0] if self._faces[row[0]] == 1 else f"{row[0]}#{line}"
        return Sample(name, Path(row[0]).stem.rsplit("_", 1)[0], load, landmarks)
