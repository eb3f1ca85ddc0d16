"""The tables of a record as lines of text, header first, for HTML, Markdown and CSV."""

from __future__ import annotations

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import label
from asmnet_edge.benchmarks.report.table import (
    Columns,
    accuracy_columns,
    felt_columns,
    speed_columns,
)

Lines = list[list[str]]


def speed_grid(record: BenchmarkRecord) -> Lines:
    return _grid(record, speed_columns(record, wide=True))


def accuracy_grid(record: BenchmarkRecord) -> Lines:
    return _grid(record, accuracy_columns(record, wide=True))


def felt_grid(record: BenchmarkRecord) -> Lines:
    return _grid(record, felt_columns(record))


def size_grid(record: BenchmarkRecord) -> Lines:
    """Megabytes of each package that a runtime brought into the fresh process."""
    rows = [row for row in record.measured if (row.get("cold_start") or {}).get("packages")]
    lines = [["model", "MB", "packages"]] if rows else []
    for row in rows:
        packages = sorted(row["cold_start"]["packages"].items(), key=lambda item: -item[1])
        told = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in packages if size > 5e5)
        lines.append([label(row), f"{row['cold_start']['installed_bytes'] / 1e6:.0f}", told])
    return lines


def _grid(record: BenchmarkRecord, columns: Columns) -> Lines:
    if not columns:
        return []
    rows = [[label(row), *(cell(row) for cell in columns.values())] for row in record.measured]
    return [["model", *columns], *rows]
