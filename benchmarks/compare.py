"""Comparison of two records, row by row: changes that are larger than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.text import Text

from asmnet_edge.benchmarks.change import (
    BETTER,
    LATENCY,
    NME,
    UNSURE,
    WORSE,
    Change,
    accuracy_change,
    differences,
    latency_change,
    other_faces,
    other_machine,
    row_differences,
)
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.benchmarks.report.notes import merged
from asmnet_edge.errors import UsageError
from asmnet_edge.io.display import table

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
    """Return the results that ``before`` has and ``after`` lacks, in words; empty if none."""
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
    """Result of `compare_records`.

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


def compare_records(
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


# A comparison as a table and notes for the terminal

STYLES = {WORSE: "bold red", BETTER: "green", UNSURE: "yellow"}
QUIET = ("settings.faces.sha256", "settings.faces.annotations_sha256")  # reported otherwise


def comparison_view(found: Comparison) -> Group:
    """Return a line for each figure; below, other differences and the conclusion."""
    view = table("row", "figure", "before", "after", "change", "95 %", "verdict")
    for change in found.changes:
        view.add_row(*_cells(change), style=STYLES.get(change.verdict, ""))
    return Group(view, Text("\n".join([*_notes(found), *closing(found)])))


def _cells(change: Change) -> list[str]:
    numbers = [f"{change.before:.3f}", f"{change.after:.3f}", change.in_words(change.by)]
    known = [change.in_words(end) for end in (change.low, change.high) if end is not None]
    return [change.row, change.figure, *numbers, " to ".join(known), change.verdict]


def _notes(found: Comparison) -> list[str]:
    lines = [f"{row}: {what}" for row, what in found.broken.items()]
    lines += _reasons(found.changes)
    for what, keys in (("no longer measured", found.lost), ("new", found.new)):
        lines += [f"{what}: {'; '.join(keys)}"] if keys else []
    if found.unjudged:
        lines.append(f"accuracy: not compared, because {found.unjudged}")
    return lines + _differences(found)


def _differences(found: Comparison) -> list[str]:
    """Differences of the runs and of rows, each once."""
    rows: dict[str, list[str]] = {}
    for name, (before, after) in found.environment.items():
        row, _, what = name.rpartition(": ")
        if name not in QUIET:
            rows.setdefault(f"{what}: {before} -> {after}", []).append(row)
    return [f"differs: {', '.join([*filter(None, names), what])}" for what, names in rows.items()]


def _reasons(changes: Sequence[Change]) -> list[str]:
    """Reasons of the verdicts."""
    return [
        f"{figure}, {line}"
        for figure in dict.fromkeys(change.figure for change in changes)
        for line in merged({c.row: [c.why] if c.why else [] for c in changes if c.figure == figure})
    ]


def closing(found: Comparison) -> list[str]:
    """Return measurements that would resolve unsure changes, and last a conclusion.

    Where something is worse, the conclusion is the command's error.
    """
    lines = []
    cures = {LATENCY: _cure(found), NME: "measure on more faces, see --data"}
    for figure, cure in cures.items():
        every = [change for change in found.changes if change.figure == figure]
        if unsure := sum(change.verdict == UNSURE for change in every):
            lines.append(f"{figure}: {unsure} of {len(every)} unsure. To know, {cure}.")
    return lines if found.regressions else [*lines, _conclusion(found)]


def _conclusion(found: Comparison) -> str:
    """One sentence where nothing is known to be worse."""
    unsure, every = len(found.unsure), len(found.changes)
    if not unsure:
        return "Nothing is worse than is allowed."
    if unsure == every:
        return f"No conclusion: every figure ({every}) is unsure."
    return f"Nothing is known to be worse than is allowed; {unsure} of {every} figures are unsure."


def _cure(found: Comparison) -> str:
    """Advice on measuring latencies so that a change stands out from the machine's drift."""
    quieter = "measure again with --rigorous and nothing else running"
    if found.in_turns:
        return quieter
    return f"{quieter}, or both in one run, where they take turns: benchmark run OLD NEW"
