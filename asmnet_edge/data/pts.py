"""The ``.pts`` annotation format of the iBUG group.

``version:`` and ``n_points:`` lines, then one "x y" pair a line within braces; some copies have the
pairs alone. Files count pixels from 1; what this module returns counts from 0.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.landmarks import Landmarks
from asmnet_edge.pictures import SUFFIXES
from asmnet_edge.schemes import scheme_with


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
