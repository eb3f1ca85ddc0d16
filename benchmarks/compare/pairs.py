"""Which row of one record belongs to which of another, and what became of those that broke."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.errors import UsageError

Row = dict[str, Any]
Rows = dict[str, Row]


def by_key(record: BenchmarkRecord) -> Rows:
    """All rows, failed ones too; `UsageError` where two have one name."""
    rows: Rows = {}
    for row in record.results:
        if row["key"] in rows:
            raise UsageError(
                f"the record of {record.content['taken']} has two rows called {row['key']!r}",
                "Measure once more: files of one name now keep their folders' names",
            )
        rows[row["key"]] = row
    return rows


def paired(first: Rows, second: Rows, asked: Sequence[tuple[str, str]]) -> list[tuple[Row, Row]]:
    """Rows of one name or of the two ``asked`` for; each was measured before, at least in part."""
    names = asked or [(key, key) for key in first if key in second and "latency_ms" in first[key]]
    if not names:
        raise UsageError("the records have no row in common", f"They have {_names(first, second)}")
    return [(_measured(first, a), _row(second, b)) for a, b in names]


def broken(before: Row, after: Row) -> str:
    """What ``after`` no longer is that ``before`` was; empty if nothing."""
    if "error" in after:
        return "" if "error" in before else f"failed: {after['error']}"
    if "latency_ms" not in after:
        return "no longer has a latency"
    if before.get("accuracy") and not after.get("accuracy"):
        return "no longer has an accuracy"
    return ""


def _measured(rows: Rows, key: str) -> Row:
    row = _row(rows, key)
    if "latency_ms" not in row:
        raise UsageError(f"the row {key!r} was not measured before: {row.get('error')}")
    return row


def _row(rows: Rows, key: str) -> Row:
    if key not in rows:
        raise UsageError(f"no row {key!r} was measured", f"There are: {', '.join(rows)}")
    return rows[key]


def _names(first: Rows, second: Rows) -> str:
    return " and ".join(", ".join(rows) or "none" for rows in (first, second))
