"""A comparison as people read it in a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from asmnet_edge.benchmarks.compare.change import BETTER, UNSURE, WORSE, Change
from asmnet_edge.benchmarks.compare.records import Comparison

STYLES = {WORSE: "bold red", BETTER: "green", UNSURE: "yellow"}
QUIET = ("settings.faces.sha256",)  # told in other words


def comparison_view(found: Comparison) -> Group:
    """A line for each figure; below, what else differs."""
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    view.add_column("row")
    for name in ("figure", "before", "after", "change", "95 %", "verdict"):
        view.add_column(name, justify="right", no_wrap=True)
    for change in found.changes:
        view.add_row(*_cells(change), style=STYLES.get(change.verdict, ""))
    return Group(view, Text("\n".join(_notes(found))))


def _cells(change: Change) -> list[str]:
    form = "{:+.1f} %" if change.figure == "p50 ms" else "{:+.3f}"
    numbers = [f"{change.before:.3f}", f"{change.after:.3f}", form.format(change.by)]
    interval = f"{form.format(change.low)} to {form.format(change.high)}"
    return [change.row, change.figure, *numbers, interval, change.verdict]


def _notes(found: Comparison) -> list[str]:
    lines = [f"{c.row}, {c.figure}: {c.why}" for c in found.changes if c.why]
    lines += [f"no longer measured: {key}" for key in found.lost]
    lines += [f"new: {key}" for key in found.new]
    if any(name in found.environment for name in QUIET):
        lines.append("other faces: accuracy is not compared")
    told = {name: pair for name, pair in found.environment.items() if name not in QUIET}
    return lines + [f"differs: {name}: {a} -> {b}" for name, (a, b) in told.items()]
