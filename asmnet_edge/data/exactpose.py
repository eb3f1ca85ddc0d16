"""``pose.csv``: the exact pose of pictures, ``image,yaw,pitch,roll``, in degrees.

`table` reads the file of that name in its folder, and finds a picture by the name in the column
``image``. A picture that is not in it, or more than once in either file, has no exact pose; a file
with another header is ignored.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import AXES

POSE_FILE = "pose.csv"
HEADER = ("image", *AXES)


@dataclass(frozen=True)
class ExactPoses:
    """The rows of a pose file at ``path`` by picture: the line's number, from 1, and its fields."""

    path: Path
    rows: Mapping[str, tuple[int, Sequence[str]]]

    @classmethod
    def beside(cls, table: Path) -> ExactPoses:
        """Return the poses in the folder of ``table``; none where there is no such file."""
        path = table.with_name(POSE_FILE)
        content = read_csv(path) if path != table and path.exists() else []
        if not content or tuple(content[0]) != HEADER:
            return cls(path, {})
        rows = {row[0]: (line, row) for line, row in enumerate(content, start=1) if row}
        count = Counter(row[0] for row in content[1:] if row)
        return cls(path, {name: rows[name] for name in count if count[name] == 1})

    def of(self, image: str) -> FloatArray | None:
        """Return yaw, pitch, roll (3,) of ``image`` or None; `DataError` names a wrong line."""
        if image not in self.rows:
            return None
        line, row = self.rows[image]
        try:
            pose = np.array(row[1:], np.float64)
        except ValueError:
            pose = np.empty(0)
        if pose.shape != (len(AXES),) or not np.isfinite(pose).all():
            expected = f"{len(AXES)} angles in degrees"
            raise DataError(f"{self.path}, line {line}: expected {expected}, got {row[1:]}")
        return pose


def read_csv(path: Path) -> list[list[str]]:
    """Return the rows of a CSV text file, empty ones included, without a byte order mark."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.reader(file))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV text file: {error}") from error
