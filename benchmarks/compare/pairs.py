"""Matching of the rows of two records, and the rows that failed or lost a figure."""

from __future__ import annotations

from collections.abc import Sequence

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.errors import UsageError

Rows = dict[str, CaseResult]


def by_key(record: BenchmarkRecord) -> Rows:
    """Return all rows by key, failed ones too; `UsageError` where two have the same."""
    rows: Rows = {}
    for case in record.cases:
        if case.key in rows:
            raise UsageError(
                f"the record of {record.content['taken']} has two rows called {case.key!r}",
                "Measure once more: files of one name now keep their folders' names",
            )
        rows[case.key] = case
    return rows


def paired(
    first: Rows, second: Rows, asked: Sequence[tuple[str, str]]
) -> list[tuple[CaseResult, CaseResult]]:
    """Return rows of the same key, or the pairs ``asked`` for; the first of each has a latency."""
    names = asked or [(key, key) for key in first if key in second and first[key].latency_ms]
    if not names:
        raise UsageError("the records have no row in common", f"They have {_names(first, second)}")
    return [(_measured(first, a), _row(second, b)) for a, b in names]


def broken(before: CaseResult, after: CaseResult) -> str:
    """Return what ``after`` lost that ``before`` had; empty if nothing."""
    if after.error is not None:
        return "" if before.error is not None else f"failed: {after.error}"
    if not after.latency_ms:
        return "no longer has a latency"
    if before.accuracy and not after.accuracy:
        return "no longer has an accuracy"
    return ""


def _measured(rows: Rows, key: str) -> CaseResult:
    case = _row(rows, key)
    if not case.latency_ms:
        raise UsageError(f"the row {key!r} was not measured before: {case.error}")
    return case


def _row(rows: Rows, key: str) -> CaseResult:
    if key not in rows:
        raise UsageError(f"no row {key!r} was measured", f"There are: {', '.join(rows)}")
    return rows[key]


def _names(first: Rows, second: Rows) -> str:
    return " and ".join(", ".join(rows) or "none" for rows in (first, second))
