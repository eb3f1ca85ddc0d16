"""A plain CSV of landmarks: ``image,x0,y0,x1,y1,...``, pictures in the folder of the same name.

``faces.csv`` annotates the pictures in ``faces/``. Coordinates count pixels from 0. The whole file
is training data.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from asmnet_edge.data.sample import Missing, OnBroken, Sample, refuse
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
        try:
            self.scheme: LandmarkScheme = scheme_with((len(self._rows[0]) - 1) // 2)
        except UsageError as error:
            raise DataError(f"{path}: {error}") from error

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """The faces of the file; ``train`` is its only subset."""
        if subset != "train":
            raise DataError(f"{self.path} has no subset {subset!r}", "Known: train")
        samples = []
        for line, row in enumerate(self._rows[1:], start=2):
            try:
                samples.append(self._sample(line, row))
            except DataError as error:
                on_broken(error)
        return samples

    def missing(self, subset: str) -> Sequence[Missing]:
        return ()

    def _sample(self, line: int, row: list[str]) -> Sample:
        expected = 1 + 2 * self.scheme.points
        if len(row) != expected:
            raise DataError(f"{self.path}, line {line}: expected {expected} fields, got {len(row)}")
        try:
            landmarks = Landmarks(np.array(row[1:], np.float64).reshape(-1, 2), self.scheme)
        except (ValueError, DataError) as error:
            raise DataError(f"{self.path}, line {line}: {error}") from error
        load = partial(read_picture, self.path.with_suffix("") / row[0])
        return Sample(row[0], Path(row[0]).stem.rsplit("_", 1)[0], load, landmarks)
