"""Remarks on latencies that are no reason for distrust."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asmnet_edge.benchmarks.report.cells import label

RARE = 1000  # calls below which p99 is one of the ten slowest


def remarks(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Name rows with few calls behind their p99, or with too few to know whether they were warm."""
    rows = list(rows)
    return [line for line in (_few(rows), *map(_slow, rows)) if line]


def _few(rows: list[dict[str, Any]]) -> str:
    """``p99: a rough guide with fewer than 1,000 calls (onnx int8 366)``."""
    called = [(row["latency_ms"]["calls"], label(row)) for row in rows]
    few = [f"{name} {calls}" for calls, name in called if calls < RARE]
    if len(few) > 1 and len(few) == len(rows):
        few = [f"here {min(called)[0]} to {max(called)[0]}"]
    return f"p99: a rough guide with fewer than {RARE:,} calls ({', '.join(few)})" if few else ""


def _slow(row: dict[str, Any]) -> str:
    warmed = row["latency_ms"].get("warm_up") or {}
    if warmed.get("steady", True) is not None:
        return ""
    calls, seconds = warmed["calls"], warmed["seconds"]
    return f"{label(row)}: too slow to tell whether it was warm, {calls} calls in {seconds:.1f} s"
