"""Figures of a row as short texts, for every kind of table; empty where there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from asmnet_edge.benchmarks.record import BenchmarkRecord

Row = dict[str, Any]


def labelled(record: BenchmarkRecord) -> BenchmarkRecord:
    """Return ``record`` with a different `label` for each row."""
    return BenchmarkRecord({**record.content, "results": with_labels(record.results)})


def with_labels(rows: Sequence[Row]) -> list[Row]:
    """Return ``rows`` with a ``label`` each: the row's key where two would have the same."""
    counts = Counter(_plain(row) for row in rows)
    names = [_plain(row) if counts[_plain(row)] == 1 else row["key"] for row in rows]
    return [{**row, "label": n + _mark(row)} for row, n in zip(rows, names, strict=True)]


def label(row: Row) -> str:
    """``tflite int8``, with runtime and threads where the user chose them."""
    if "label" in row:
        return str(row["label"])
    return _plain(row) + _mark(row)


def _mark(row: Row) -> str:
    """A row that has figures and yet failed must not look healthy."""
    return " (failed)" if "error" in row and "latency_ms" in row else ""


def _plain(row: Row) -> str:
    if "format" not in row or "latency_ms" not in row:
        return str(row["key"])
    name = str(row["name"]) if row.get("foreign") else f"{row['format']} {row['precision']}"
    runtime = row["runtime"].split()[0] if " in " in row["key"] else ""
    threads = f"{row['threads']}t" if (row.get("threads") or 1) > 1 else ""
    beside = "" if row.get("compared", True) or row.get("foreign") else f"({row['name']})"
    return " ".join(word for word in (name, beside, runtime, threads) if word)


def accuracy_of(row: Row) -> dict[str, Any]:
    """Accuracy of ``row``; empty where it was not measured."""
    return row.get("accuracy") or {}


def megabytes(row: Row) -> str:
    return f"{row['bytes'] / 1e6:.2f}"


def int8_share(row: Row) -> str:
    operators = row.get("operators")
    return f"{100 * operators['int8'] / operators['total']:.0f} %" if operators else ""


def p50(row: Row) -> str:
    """Median with half the width of its interval; ``~`` marks an unsteady row."""
    mark = "~" if row["unsteady"] else ""
    return f"{mark}{row['latency_ms']['p50']:.2f}{_width(row, 'p50')}"


def _width(row: Row, name: str) -> str:
    low, high = row["latency_ms"]["intervals"].get(name, (None, None))
    return f" ±{(high - low) / 2:.2f}" if low is not None else ""


def percentile(row: Row, name: str) -> str:
    return f"{row['latency_ms'][name]:.2f}"


def percentile_known(row: Row, name: str) -> str:
    """Percentile with half the width of its interval."""
    return percentile(row, name) + _width(row, name)


def per_second(row: Row) -> str:
    return f"{row['latency_ms']['throughput']:.0f}"


def nme(row: Row) -> str:
    return _number(row, "nme", ".2f")


def drop(row: Row) -> str:
    """Drop of the NME with its 95 % interval."""
    figures = accuracy_of(row)
    if figures.get("nme_drop") is None:
        return ""
    low, high = figures["nme_drop_interval"]
    return f"{signed(figures['nme_drop'])} [{signed(low)}, {signed(high)}]"


def failures(row: Row) -> str:
    rate = accuracy_of(row).get("failure_rate")
    return "" if rate is None else f"{100 * rate:.1f}"


def auc(row: Row) -> str:
    return _number(row, "auc", ".3f")


def pose(row: Row) -> str:
    """Mean absolute error over yaw, pitch and roll in degrees."""
    mae = accuracy_of(row).get("pose_mae")
    return "" if mae is None else f"{fmean(mae.values()):.2f}"


def deviation(row: Row) -> str:
    return _number(row, "deviation_iod_percent", ".2f")


def jitter(row: Row) -> str:
    """Jitter on a still and on a moving picture."""
    found = accuracy_of(row).get("jitter")
    if not found:
        return ""
    return f"{found['still_iod_percent']:.2f} / {found['moving_iod_percent']:.2f}"


def stage(row: Row, name: str) -> str:
    stages = row.get("stages_ms")
    return f"{stages[name]['p50']:.2f}" if stages else ""


def cold(row: Row, name: str, scale: float = 1.0) -> str:
    found = row.get("cold_start")
    return f"{found[name] * scale:.0f}" if found and found[name] is not None else ""


def _number(row: Row, name: str, form: str) -> str:
    value = accuracy_of(row).get(name)
    return "" if value is None else format(value, form)


def signed(value: float) -> str:
    """``+0.012``; what rounds to nothing has a plus."""
    return f"{round(value, 3) + 0.0:+.3f}"
