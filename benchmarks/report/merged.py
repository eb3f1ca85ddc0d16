"""Reasons of many rows in few lines: each reason once, with the rows that have it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?!\w)")  # not the 90 of p90
Numbers = list[str]


def merged(reasons: Mapping[str, Sequence[str]]) -> list[str]:
    """Return lines like ``a, b: it rained; 1.3 to 1.4 cores were busy``.

    reasons : of each row, empty where it has none. Reasons that differ in numbers alone are one
    reason; what all rows have is for ``all rows``; reasons of the same rows share a line
    """
    by_rows: dict[tuple[str, ...], dict[str, list[Numbers]]] = {}
    for kind, rows in _by_kind(reasons).items():
        by_rows.setdefault(tuple(rows), {})[kind] = list(rows.values())
    return [
        f"{_names(rows, len(reasons))}: {'; '.join(_filled(k, n) for k, n in kinds.items())}"
        for rows, kinds in by_rows.items()
    ]


def _by_kind(reasons: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Numbers]]:
    """Reasons with ``\\0`` for each number -> row -> its numbers."""
    kinds: dict[str, dict[str, Numbers]] = {}
    for row, words in reasons.items():
        for reason in words:
            kinds.setdefault(NUMBER.sub("\0", reason), {})[row] = NUMBER.findall(reason)
    return kinds


def _names(rows: Sequence[str], of: int) -> str:
    return "all rows" if len(rows) == of > 1 else ", ".join(rows)


def _filled(kind: str, numbers: Sequence[Numbers]) -> str:
    """``kind`` with the range of each of its numbers over the rows."""
    columns = [sorted(set(column), key=float) for column in zip(*numbers, strict=True)]
    between = " to " if len(columns) == 1 else ".."
    ranges = [f"{c[0]}{between}{c[-1]}" if len(c) > 1 else c[0] for c in columns]
    parts = kind.split("\0")
    return "".join(part + number for part, number in zip(parts, [*ranges, ""], strict=True))
