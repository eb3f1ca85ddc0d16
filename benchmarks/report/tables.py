"""A benchmark record as tables: for a terminal, and as lines of text for pages and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asmnet_edge.benchmarks.evaluation_faces import FAILURE
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report import cells
from asmnet_edge.benchmarks.report.notes import notes, title
from asmnet_edge.io.display import table

Cell = Callable[[dict[str, Any]], str]
Columns = Mapping[str, Cell]
Lines = list[list[str]]  # header first


def tables(record: BenchmarkRecord) -> Group:
    """Tables for a terminal, rows as in the record; ``~`` marks an unsteady latency."""
    record = cells.labelled(record)
    speed = _table(record, speed_columns(record))
    parts: list[RenderableType] = [Text(title(record), style="bold"), speed]
    for columns in (accuracy_columns(record), start_columns(record)):
        if columns:
            parts.append(_table(record, columns))
    return Group(*parts, Text("\n".join(notes(record))))


def speed_columns(record: BenchmarkRecord, wide: bool = False) -> dict[str, Cell]:
    """Columns of speed and size; ``wide``: with the intervals of p90 and p99."""
    percentile = cells.percentile_known if wide else cells.percentile
    return {
        "MB": cells.megabytes,
        "int8 ops": cells.int8_share,
        "p50 ms": cells.p50,
        "p90": lambda row: percentile(row, "p90"),
        "p99": lambda row: percentile(row, "p99"),
        "mean": lambda row: cells.percentile(row, "mean"),
        "calls/s": cells.per_second,
    }


def accuracy_columns(record: BenchmarkRecord, wide: bool = False) -> dict[str, Cell]:
    """Columns of the accuracies that any row has; empty without accuracy. wide : with AUC"""
    threshold = 100 * record.content["settings"]["faces"].get("failure_threshold", FAILURE)
    every: dict[str, Cell] = {
        "NME %": cells.nme,
        "drop [95 %]": cells.drop,
        f"FR@{threshold:.0f} %": cells.failures,
        **({f"AUC@{threshold:.0f}": cells.auc} if wide else {}),
        "pose °": cells.pose,
        "deviation %": cells.deviation,
        "jitter %": cells.jitter,
    }
    return _used(record, every)


def start_columns(record: BenchmarkRecord) -> dict[str, Cell]:
    """Columns of what a user waits for: a picture's whole way, cold start, memory, packages."""
    every: dict[str, Cell] = {
        "decode": lambda row: cells.stage(row, "decode"),
        "detect": lambda row: cells.stage(row, "detect"),
        "crop": lambda row: cells.stage(row, "crop"),
        "infer": lambda row: cells.stage(row, "infer"),
        "all ms": lambda row: cells.stage(row, "total"),
        "cold ms": lambda row: cells.cold(row, "total_ms"),
        "RSS MiB": lambda row: cells.cold(row, "peak_rss_mib"),
        "inst. MB": lambda row: cells.cold(row, "installed_bytes", 1e-6),
    }
    return _used(record, every)


def _used(record: BenchmarkRecord, every: dict[str, Cell]) -> dict[str, Cell]:
    return {name: cell for name, cell in every.items() if any(cell(row) for row in record.measured)}


def _table(record: BenchmarkRecord, columns: Columns) -> Table:
    view = table("model", *columns)
    view.columns[0].no_wrap, view.columns[0].overflow = False, "fold"  # names fold before numbers
    for row in record.results:
        if "latency_ms" in row:
            view.add_row(cells.label(row), *(cell(row) for cell in columns.values()))
        else:
            view.add_row(cells.label(row), "failed")
    return view


def speed_lines(record: BenchmarkRecord) -> Lines:
    return _lines(record, speed_columns(record, wide=True))


def accuracy_lines(record: BenchmarkRecord) -> Lines:
    return _lines(record, accuracy_columns(record, wide=True))


def start_lines(record: BenchmarkRecord) -> Lines:
    return _lines(record, start_columns(record))


def package_lines(record: BenchmarkRecord) -> Lines:
    """Megabytes of each package that a runtime brought into the fresh process."""
    rows = [row for row in record.measured if (row.get("cold_start") or {}).get("packages")]
    lines = [["model", "MB", "packages"]] if rows else []
    for row in rows:
        packages = sorted(row["cold_start"]["packages"].items(), key=lambda item: -item[1])
        names = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in packages if size > 5e5)
        megabytes = f"{row['cold_start']['installed_bytes'] / 1e6:.0f}"
        lines.append([cells.label(row), megabytes, names])
    return lines


def _lines(record: BenchmarkRecord, columns: Columns) -> Lines:
    if not columns:
        return []
    rows = [[cells.label(r), *(cell(r) for cell in columns.values())] for r in record.measured]
    return [["model", *columns], *rows]
