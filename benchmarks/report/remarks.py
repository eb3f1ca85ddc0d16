"""What a reader of latencies should know that is no doubt about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asmnet_edge.benchmarks.report.cells import label

RARE = 1000  # calls below which p99 is one of the ten slowest


def remarks(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Which rows have few calls in their p99, or too few to tell whether they were warm."""
    rows = list(rows)
    few = [row for row in rows if row["latency_ms"]["calls"] < RARE]
    called = ", ".join(f"{label(row)} {row['latency_ms']['calls']}" for row in few)
    lines = [f"p99 rests on few calls, a rough guide below {RARE:,}: {called}"] if few else []
    return lines + [line for row in rows if (line := _slow(row))]


def _slow(row: dict[str, Any]) -> str:
    warmed = row["latency_ms"].get("warm_up") or {}
    if warmed.get("steady", True) is not None:
        return ""
    calls, seconds = warmed["calls"], warmed["seconds"]
    return f"{label(row)}: too slow to tell whether it was warm, {calls} calls in {seconds:.1f} s"
