"""A benchmark record as tables that people read in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asmnet_edge.benchmarks.accuracy.truth import FAILURE
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report import cells
from asmnet_edge.benchmarks.report.notes import notes, title
from asmnet_edge.tables import table

Cell = Callable[[dict[str, Any]], str]
Columns = Mapping[str, Cell]


def tables(record: BenchmarkRecord) -> Group:
    """Rows as in the record; ``~`` marks a latency that was not steady."""
    record = cells.labelled(record)
    speed = _table(record, speed_columns(record))
    parts: list[RenderableType] = [Text(title(record), style="bold"), speed]
    for columns in (accuracy_columns(record), felt_columns(record)):
        if columns:
            parts.append(_table(record, columns))
    return Group(*parts, Text("\n".join(notes(record))))


def speed_columns(record: BenchmarkRecord, wide: bool = False) -> dict[str, Cell]:
    """wide : with the intervals of p90 and p99, for which a terminal has no room"""
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
    """Of the figures that any row has; empty before accuracy was measured. wide : with AUC"""
    threshold = 100 * record.content["settings"]["faces"].get("failure_threshold", FAILURE)
    every: dict[str, Cell] = {
        "NME %": cells.nme,
        "drop [95 %]": cells.drop,
        f"FR@{threshold:.0f} %": cells.failures,
        **({f"AUC@{threshold:.0f}": cells.auc} if wide else {}),
        "pose °": cells.pose,
        "deviation %": cells.deviation,
        "jitter %": cells.tremble,
    }
    return _used(record, every)


def felt_columns(record: BenchmarkRecord) -> dict[str, Cell]:
    """What a user feels: a picture's whole way, cold start, memory."""
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
