"""The figures of a row as short texts, for every kind of table; empty where there is none."""

from __future__ import annotations

from statistics import fmean
from typing import Any

Row = dict[str, Any]


def label(row: Row) -> str:
    """``tflite int8``; with runtime and threads where the row was asked for by them."""
    if "format" not in row:
        return str(row["name"])
    name = str(row["name"]) if row.get("foreign") else f"{row['format']} {row['precision']}"
    runtime = row["runtime"].split()[0] if " in " in row["key"] else ""
    threads = f"{row['threads']}t" if (row.get("threads") or 1) > 1 else ""
    beside = "" if row.get("compared", True) or row.get("foreign") else f"({row['name']})"
    return " ".join(word for word in (name, beside, runtime, threads) if word)


def megabytes(row: Row) -> str:
    return f"{row['bytes'] / 1e6:.2f}"


def int8_share(row: Row) -> str:
    operators = row.get("operators")
    return f"{100 * operators['int8'] / operators['total']:.0f} %" if operators else ""


def p50(row: Row) -> str:
    """Marked with ``~`` where it was not steady; with half the width of its interval."""
    latency = row["latency_ms"]
    low, high = latency["intervals"].get("p50", (None, None))
    width = f" ±{(high - low) / 2:.2f}" if low is not None else ""
    return f"{'~' if row['unsteady'] else ''}{latency['p50']:.2f}{width}"


def percentile(row: Row, name: str) -> str:
    return f"{row['latency_ms'][name]:.2f}"


def per_second(row: Row) -> str:
    return f"{row['latency_ms']['throughput']:.0f}"


def nme(row: Row) -> str:
    return _number(row, "nme", ".2f")


def drop(row: Row) -> str:
    """With its 95 % interval."""
    figures = row.get("accuracy") or {}
    if figures.get("nme_drop") is None:
        return ""
    low, high = figures["nme_drop_interval"]
    return f"{_signed(figures['nme_drop'])} [{_signed(low)}, {_signed(high)}]"


def failures(row: Row) -> str:
    rate = (row.get("accuracy") or {}).get("failure_rate")
    return "" if rate is None else f"{100 * rate:.1f}"


def pose(row: Row) -> str:
    mae = (row.get("accuracy") or {}).get("pose_mae")
    return "" if mae is None else f"{fmean(mae.values()):.2f}"


def deviation(row: Row) -> str:
    return _number(row, "deviation_iod_percent", ".2f")


def tremble(row: Row) -> str:
    """Jitter on a still and on a moving picture."""
    found = (row.get("accuracy") or {}).get("jitter")
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
    value = (row.get("accuracy") or {}).get(name)
    return "" if value is None else format(value, form)


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"
