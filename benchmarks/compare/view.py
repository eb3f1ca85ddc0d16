"""A comparison as a table and notes for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.text import Text

from asmnet_edge.benchmarks.compare.change import BETTER, LATENCY, UNSURE, WORSE, Change
from asmnet_edge.benchmarks.compare.loss import NME
from asmnet_edge.benchmarks.compare.records import Comparison
from asmnet_edge.benchmarks.report.merged import merged
from asmnet_edge.tables import table

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
    """Return the conclusion where nothing is worse, and what to measure where it is unsure."""
    lines = [] if found.regressions or found.unsure else ["Nothing is worse than is allowed."]
    cures = {LATENCY: _cure(found), NME: "measure on more faces, see --data"}
    for figure, cure in cures.items():
        every = [change for change in found.changes if change.figure == figure]
        if unsure := sum(change.verdict == UNSURE for change in every):
            lines.append(f"{figure}: {unsure} of {len(every)} unsure. To know, {cure}.")
    return lines


def _cure(found: Comparison) -> str:
    """Advice on measuring latencies so that a change stands out from the machine's drift."""
    quieter = "measure again with --rigorous and nothing else running"
    if found.in_turns:
        return quieter
    return f"{quieter}, or both in one run, where they take turns: benchmark run OLD NEW"
