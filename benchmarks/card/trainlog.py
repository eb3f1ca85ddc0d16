"""Curves of the ``log.csv`` of a training run, or of several that continued one another."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.errors import DataError

POINTS = 200  # of the loss's curve: the mean of so many stretches


def read_logs(paths: Sequence[Path]) -> dict[str, Any]:
    """Read the runs of ``paths``, one after another, with their steps added up.

    parts : of each run its steps and the sizes it trained at; loss : [step, mean since the point
    before]; validation : [step, NME in %]
    """
    runs = [_read(path) for path in paths]
    starts = np.cumsum([0, *(run[-1][0] for run in runs)])
    shifted = [[(step + int(at), *rest) for step, *rest in run]
               for run, at in zip(runs, starts, strict=False)]  # fmt: skip
    entries = [entry for run in shifted for entry in run]
    return {
        "parts": [{"steps": run[-1][0], "sizes": list(dict.fromkeys(e[1] for e in run))}
                  for run in runs],
        "loss": _thinned(entries),
        "validation": [[step, nme] for step, _, _, nme in entries if nme is not None],
    }  # fmt: skip


def _read(path: Path) -> list[tuple[Any, ...]]:
    """(step, size, loss, validation NME or None) of each row."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = [
            (int(r["step"]), int(r["size"]), float(r["loss"]), _or_none(r["validation_nme"]))
            for r in rows
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is not a training log: {error}", "Give the log.csv of a run's folder"
        ) from error
    if not found:
        raise DataError(f"{path} holds no step")
    return found


def _or_none(text: str) -> float | None:
    return float(text) if text else None


def _thinned(entries: Sequence[tuple[Any, ...]]) -> list[list[float]]:
    chunks = np.array_split(np.array([(e[0], e[2]) for e in entries]), min(POINTS, len(entries)))
    return [[int(chunk[-1, 0]), round(float(chunk[:, 1].mean()), 5)] for chunk in chunks]
