"""A record as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import labelled
from asmnet_edge.benchmarks.report.grid import accuracy_grid, felt_grid, speed_grid
from asmnet_edge.benchmarks.report.notes import notes, title
from asmnet_edge.benchmarks.report.words import how_measured

COLUMNS = (
    *("key", "name", "format", "precision", "runtime", "threads", "cpus", "bytes"),
    *("parameters", "multiply_adds", "unsteady", "error"),
)


def markdown(record: BenchmarkRecord) -> str:
    """The tables, their notes and how they were taken."""
    record = labelled(record)
    parts = [f"## {title(record)}", f"Taken {record.content['taken']}."]
    for lines in (speed_grid(record), accuracy_grid(record), felt_grid(record)):
        if lines:
            parts.append(_markdown_table(lines))
    parts += ["\n".join(f"- {note}" for note in notes(record)), *how_measured(record)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _markdown_table(lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(lines[0]) - 1)]
    escaped = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in [escaped[0], rule, *escaped[1:]])


def comma_separated(record: BenchmarkRecord) -> str:
    """A line for each row, failed ones too; figures in full."""
    rows = [_flat_row(row) for row in record.results]
    names = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat_row(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {name: row.get(name) for name in COLUMNS}
    flat["cpus"] = " ".join(map(str, row.get("cpus", ())))
    flat["unsteady"] = "; ".join(row.get("unsteady", ()))
    for part in ("latency_ms", "accuracy", "stages_ms", "cold_start"):
        _flatten(part, row.get(part) or {}, flat)
    return flat


def _flatten(name: str, content: Any, flat: dict[str, Any]) -> None:
    """``accuracy.jitter.faces``; lists are left out, but intervals become low and high."""
    if isinstance(content, dict):
        for key, value in content.items():
            _flatten(f"{name}.{key}", value, flat)
    elif isinstance(content, list) and len(content) == 2 and "interval" in name:
        flat[f"{name}.low"], flat[f"{name}.high"] = content
    elif not isinstance(content, list):
        flat[name] = content
