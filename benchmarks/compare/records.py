"""Two records row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asmnet_edge.benchmarks.compare.change import WORSE, Change, latency_change, nme_change
from asmnet_edge.benchmarks.compare.environment import differences, other_machine, same_faces
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.errors import UsageError

Row = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """What counts as a regression: p50 slower by more than ``latency``, a fraction, or NME higher
    by more than ``nme`` points.
    """

    latency: float = 0.05
    nme: float = 0.05


@dataclass(frozen=True)
class Comparison:
    """changes : of all rows that are in both; lost : rows that are measured before only, new :
    after only; environment : as `differences` gives it
    """

    changes: tuple[Change, ...]
    lost: tuple[str, ...]
    new: tuple[str, ...]
    environment: dict[str, list[Any]]

    @property
    def regressions(self) -> list[Change]:
        return [change for change in self.changes if change.verdict == WORSE]

    def as_json(self) -> dict[str, Any]:
        return {
            "changes": [change.as_json() for change in self.changes],
            "lost": list(self.lost),
            "new": list(self.new),
            "environment": self.environment,
            "regressions": len(self.regressions),
        }


def compare(
    before: BenchmarkRecord,
    after: BenchmarkRecord,
    limits: Limits,
    rows: Sequence[tuple[str, str]] = (),
    across_machines: bool = False,
) -> Comparison:
    """Rows of the same key, or the pairs of keys in ``rows``.

    Rows of one and the same run took turns, so their rounds are paired. `UsageError` when the
    records are from different machines and ``across_machines`` is false.
    """
    if (why := other_machine(before, after)) and not across_machines:
        raise UsageError(
            f"the records are from different machines: {'; '.join(why)}",
            "Compare runs of one machine, or give --across-machines",
        )
    first, second = _by_key(before), _by_key(after)
    pairs = [*rows] or [(key, key) for key in first if key in second]
    if not pairs:
        raise UsageError("the records have no row in common", f"They have {_names(first, second)}")
    chosen = [(_row(first, a), _row(second, b)) for a, b in pairs]
    paired = before.content["taken"] == after.content["taken"]
    changes = [latency_change(a, b, limits.latency, paired) for a, b in chosen]
    if same_faces(before, after):
        changes += filter(None, [nme_change(a, b, limits.nme) for a, b in chosen])
    lost = tuple(key for key in first if key not in second) if not rows else ()
    new = tuple(key for key in second if key not in first) if not rows else ()
    return Comparison(tuple(changes), lost, new, differences(before, after))


def _by_key(record: BenchmarkRecord) -> dict[str, Row]:
    return {row["key"]: row for row in record.measured}


def _row(rows: dict[str, Row], key: str) -> Row:
    if key not in rows:
        raise UsageError(f"no row {key!r} was measured", f"There are: {', '.join(rows)}")
    return rows[key]


def _names(first: dict[str, Row], second: dict[str, Row]) -> str:
    return " and ".join(", ".join(rows) or "none" for rows in (first, second))
