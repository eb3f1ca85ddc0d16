"""A comparison as people read it in a terminal."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from asmnet_edge.benchmarks.compare.change import BETTER, UNSURE, WORSE, Change
from asmnet_edge.benchmarks.compare.records import Comparison
from asmnet_edge.tables import table

STYLES = {WORSE: "bold red", BETTER: "green", UNSURE: "yellow"}
QUIET = ("settings.faces.sha256", "settings.faces.annotations_sha256")  # told in other words


def comparison_view(found: Comparison) -> Group:
    """A line for each figure; below, what else differs."""
    view = table("row", "figure", "before", "after", "change", "95 %", "verdict")
    for change in found.changes:
        view.add_row(*_cells(change), style=STYLES.get(change.verdict, ""))
    return Group(view, Text("\n".join(_notes(found))))


def _cells(change: Change) -> list[str]:
    form = "{:+.1f} %" if change.figure == "p50 ms" else "{:+.3f}"
    numbers = [f"{change.before:.3f}", f"{change.after:.3f}", form.format(change.by)]
    known = change.low is not None and change.high is not None
    interval = f"{form.format(change.low)} to {form.format(change.high)}" if known else ""
    return [change.row, change.figure, *numbers, interval, change.verdict]


def _notes(found: Comparison) -> list[str]:
    lines = [f"{row}: {what}" for row, what in found.broken.items()]
    lines += [f"{c.row}, {c.figure}: {c.why}" for c in found.changes if c.why]
    lines += [f"no longer measured: {key}" for key in found.lost]
    lines += [f"new: {key}" for key in found.new]
    if found.unjudged:
        lines.append(f"accuracy: not compared, because {found.unjudged}")
    told = {name: pair for name, pair in found.environment.items() if name not in QUIET}
    return lines + [f"differs: {name}: {a} -> {b}" for name, (a, b) in told.items()]
