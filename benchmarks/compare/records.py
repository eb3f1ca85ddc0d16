"""Comparison of two records, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asmnet_edge.benchmarks.compare.change import UNSURE, WORSE, Change, latency_change
from asmnet_edge.benchmarks.compare.environment import (
    differences,
    other_faces,
    other_machine,
    row_differences,
)
from asmnet_edge.benchmarks.compare.loss import accuracy_change
from asmnet_edge.benchmarks.compare.pairs import broken, by_key, paired
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.errors import UsageError

Pairs = Sequence[tuple[CaseResult, CaseResult]]


@dataclass(frozen=True)
class Limits:
    """Limits of a regression.

    latency : relative change of p50; nme : points of NME; lost : rows may be missing afterwards
    """

    latency: float = 0.05
    nme: float = 0.05
    lost: bool = False


@dataclass(frozen=True)
class Comparison:
    """Result of `compare`.

    changes : of all rows that are in both; broken : row -> what it lost; lost : rows that are
    measured before only, new : after only; environment : as `differences` gives it, and what
    differs of each row; unjudged : why accuracy was not compared, empty if it was; in_turns : the
    rows are of one run
    """

    changes: tuple[Change, ...]
    broken: dict[str, str]
    lost: tuple[str, ...]
    new: tuple[str, ...]
    environment: dict[str, list[Any]]
    unjudged: str
    in_turns: bool
    limits: Limits

    @property
    def regressions(self) -> list[str]:
        """Rows that became worse, in words; those that failed or were lost, too."""
        found = [change for change in self.changes if change.verdict == WORSE]
        worse = [f"{each.row} ({each.figure} {each.in_words(each.by)})" for each in found]
        lost = () if self.limits.lost else self.lost
        worse += [f"{row} ({what})" for row, what in self.broken.items()]
        return worse + [f"{row} (no longer measured)" for row in lost]

    @property
    def unsure(self) -> list[Change]:
        """Changes that may be chance or the machine's."""
        return [change for change in self.changes if change.verdict == UNSURE]

    def as_json(self) -> dict[str, Any]:
        return {
            "changes": [change.as_json() for change in self.changes],
            "broken": self.broken,
            "lost": list(self.lost),
            "new": list(self.new),
            "environment": self.environment,
            "accuracy_not_compared": self.unjudged or None,
            "unsure": len(self.unsure),
            "regressions": len(self.regressions),
        }


def compare(
    before: BenchmarkRecord,
    after: BenchmarkRecord,
    limits: Limits,
    rows: Sequence[tuple[str, str]] = (),
    across_machines: bool = False,
) -> Comparison:
    """Compare rows of the same key, or the pairs of keys in ``rows``.

    Rows of one and the same run took turns, so their rounds are paired. `UsageError` when the
    records are from different machines and ``across_machines`` is false.
    """
    if (why := other_machine(before, after)) and not across_machines:
        raise UsageError(
            f"the records are from different machines: {'; '.join(why)}",
            "Compare runs of one machine, or give --across-machines",
        )
    first, second = by_key(before), by_key(after)
    pairs, unjudged = paired(first, second, rows), other_faces(before, after)
    in_turns = before.content["taken"] == after.content["taken"]
    changes = _latencies(pairs, limits, in_turns)
    accuracies = [] if unjudged else _accuracies(pairs, limits)
    if not unjudged and not accuracies:
        unjudged = "no row has one in both records"
    lost = [] if rows else [k for k in first if k not in second and first[k].latency_ms]
    return Comparison(
        (*changes, *accuracies),
        {b.key: what for a, b in pairs if (what := broken(a, b))},
        tuple(lost),
        () if rows else tuple(key for key in second if key not in first),
        differences(before, after) | _of_rows(pairs),
        unjudged,
        in_turns,
        limits,
    )


def _latencies(pairs: Pairs, limits: Limits, paired: bool) -> list[Change]:
    there = [pair for pair in pairs if pair[1].latency_ms]
    return [latency_change(a, b, limits.latency, paired) for a, b in there]


def _accuracies(pairs: Pairs, limits: Limits) -> list[Change]:
    return list(filter(None, [accuracy_change(a, b, limits.nme) for a, b in pairs]))


def _of_rows(pairs: Pairs) -> dict[str, list[Any]]:
    there = [pair for pair in pairs if pair[1].latency_ms]
    return {
        f"{b.key}: {name}": change
        for a, b in there
        for name, change in row_differences(a, b).items()
    }
