"""One figure before and after: how much it changed, between which bounds, and what to call that.

A latency counts as changed when its ratio is beyond the threshold, its 95 % interval excludes 1,
and both still hold after dividing by how much the machine itself changed: the fixed piece of work
that is timed beside every turn (`latency.yardstick`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.latency.figures import LEVEL, Latency, drawn_rounds, resampled

SAME, WORSE, BETTER, UNSURE = "same", "worse", "better", "unsure"
Row = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A figure of one row in two records.

    by : change, in % for latencies, in points for accuracy; low, high : its 95 % interval
    verdict : `SAME`, `WORSE`, `BETTER` or `UNSURE`; why : in words where that needs any
    """

    row: str
    figure: str
    before: float
    after: float
    by: float
    low: float
    high: float
    verdict: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def latency_change(before: Row, after: Row, threshold: float, paired: bool) -> Change:
    """p50 of two rows; ``threshold`` as a fraction; paired : they took turns in one run."""
    first, second = (Latency.of(row["latency_ms"]["rounds"]) for row in (before, after))
    ratio, (low, high) = _ratio(first, second, paired)
    machine = 1.0 if paired else machine_ratio(before, after)
    verdict = _verdict(ratio, low, high, machine, threshold)
    told = verdict == UNSURE or (verdict == SAME and abs(ratio - 1) > threshold)
    why = _why(machine, low, high) if told else ""
    by, low, high = (100 * (value - 1) for value in (ratio, low, high))
    p50s, key = (first.percentile(50), second.percentile(50)), str(after["key"])
    return Change(key, "p50 ms", *p50s, by, low, high, verdict, why)


def machine_ratio(before: Row, after: Row) -> float:
    """How much longer the fixed piece of work took; 1 where a record does not tell."""
    first, second = (
        [note["yardstick_ms"] for note in row["latency_ms"]["notes"] if note.get("yardstick_ms")]
        for row in (before, after)
    )
    return float(np.median(second) / np.median(first)) if first and second else 1.0


def _ratio(first: Latency, second: Latency, paired: bool) -> tuple[float, tuple[float, float]]:
    """Of p50, bootstrapped over rounds; the same rounds of both where they took turns."""
    ratio = second.percentile(50) / first.percentile(50)
    if min(len(first.rounds), len(second.rounds)) < 3:
        return ratio, (0.0, np.inf)
    paired = paired and len(first.rounds) == len(second.rounds)
    draws = drawn_rounds(len(first.rounds)), drawn_rounds(len(second.rounds), 0 if paired else 1)
    p50s = [resampled(each, draw)["p50"] for each, draw in zip((first, second), draws, strict=True)]
    low, high = np.percentile(p50s[1] / p50s[0], LEVEL)
    return ratio, (float(low), float(high))


def _verdict(ratio: float, low: float, high: float, machine: float, threshold: float) -> str:
    raw = _direction(ratio, low, high, threshold)
    adjusted = _direction(ratio / machine, low / machine, high / machine, threshold)
    return raw if raw == adjusted else UNSURE


def _direction(ratio: float, low: float, high: float, threshold: float) -> str:
    if ratio > 1 + threshold and low > 1:
        return WORSE
    return BETTER if ratio < 1 / (1 + threshold) and high < 1 else SAME


def _why(machine: float, low: float, high: float) -> str:
    if abs(machine - 1) > 0.02:
        return f"the machine itself took {100 * (machine - 1):+.0f} % for a fixed piece of work"
    return "its interval does not exclude that nothing changed" if low <= 1 <= high else ""


def nme_change(before: Row, after: Row, threshold: float) -> Change | None:
    """NME in points over the same faces, paired; None where either record lacks the errors."""
    errors = [np.array((row.get("accuracy") or {}).get("errors") or []) for row in (before, after)]
    if not len(errors[0]) or len(errors[0]) != len(errors[1]):
        return None
    difference = errors[1] - errors[0]
    by, (low, high) = float(difference.mean()), metrics.bootstrap_interval(difference)
    verdict = WORSE if by > threshold and low > 0 else BETTER if by < 0 and high < 0 else SAME
    why = "lost, but within what is allowed" if verdict == SAME and low > 0 else ""
    means = float(errors[0].mean()), float(errors[1].mean())
    return Change(str(after["key"]), "NME %", *means, by, low, high, verdict, why)
