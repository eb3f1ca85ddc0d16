"""One figure before and after: how much it changed, between which bounds, and what to call that.

A latency counts as changed when its ratio is beyond the threshold, its 95 % interval excludes 1,
and both still hold after dividing by how much the machine itself changed: the fixed piece of work
that is timed beside every turn (`latency.yardstick`). What does not hold up is called unsure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.latency.figures import LEVEL, Latency, drawn_rounds, resampled

SAME, WORSE, BETTER, UNSURE = "same", "worse", "better", "unsure"
FEWEST = 3  # rounds, for an interval
Row = dict[str, Any]
Ratio = tuple[float, float, float]  # after over before, and its 95 % interval


@dataclass(frozen=True)
class Change:
    """A figure of one row in two records.

    by : change, in % for latencies, in points for accuracy; low, high : its 95 % interval, None
    where there is none
    verdict : `SAME`, `WORSE`, `BETTER` or `UNSURE`; why : in words where that needs any
    """

    row: str
    figure: str
    before: float
    after: float
    by: float
    low: float | None
    high: float | None
    verdict: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def latency_change(before: Row, after: Row, threshold: float, paired: bool) -> Change:
    """p50 of two rows; ``threshold`` as a fraction; paired : they took turns in one run."""
    first, second = (Latency.of(row["latency_ms"]["rounds"]) for row in (before, after))
    p50s, key = (first.percentile(50), second.percentile(50)), str(after["key"])
    if min(len(first.rounds), len(second.rounds)) < FEWEST:
        by = 100 * (p50s[1] / p50s[0] - 1)
        return Change(key, "p50 ms", *p50s, by, None, None, UNSURE, "fewer than three rounds")
    machine = 1.0 if paired else machine_ratio(before, after)
    ratios = _ratios(first, second, paired)
    verdict, why = judged(ratios["p50"], ratios["p10"], machine, threshold)
    by, low, high = (100 * (value - 1) for value in ratios["p50"])
    return Change(key, "p50 ms", *p50s, by, low, high, verdict, why)


def machine_ratio(before: Row, after: Row) -> float:
    """How much longer the fixed piece of work took; 1 where a record does not tell."""
    first, second = (
        [note["yardstick_ms"] for note in row["latency_ms"]["notes"] if note.get("yardstick_ms")]
        for row in (before, after)
    )
    return float(np.median(second) / np.median(first)) if first and second else 1.0


def _ratios(first: Latency, second: Latency, paired: bool) -> dict[str, Ratio]:
    """Of p10 and p50, bootstrapped over rounds; the same rounds of both where they took turns."""
    found = {p: second.percentile(p) / first.percentile(p) for p in (10, 50)}
    paired = paired and len(first.rounds) == len(second.rounds)
    draws = drawn_rounds(len(first.rounds)), drawn_rounds(len(second.rounds), 0 if paired else 1)
    drawn = [resampled(each, draw) for each, draw in zip((first, second), draws, strict=True)]
    ratios = {}
    for p, ratio in found.items():
        low, high = np.percentile(drawn[1][f"p{p}"] / drawn[0][f"p{p}"], LEVEL)
        ratios[f"p{p}"] = (ratio, float(low), float(high))
    return ratios


def judged(p50: Ratio, p10: Ratio, machine: float, threshold: float) -> tuple[str, str]:
    """Verdict and reason. Others on the machine disturb slow calls first and quick ones last.

    So a change must be seen in the quickest tenth too, and alone there it counts where the median
    is too blurred to show it.
    """
    middle, quick = _direction(p50, machine, threshold), _direction(p10, machine, threshold)
    blurred = p50[2] - p50[1] > 2 * threshold
    if UNSURE in (middle, quick):
        return UNSURE, f"the machine took {100 * (machine - 1):+.0f} % for a fixed piece of work"
    if middle == quick == SAME and min(p50[2], p10[2]) > 1 + 2 * threshold:
        return UNSURE, "too disturbed to tell: a change could hide in its interval"
    if middle == quick:
        return middle, ""
    if quick == SAME:
        return UNSURE, "only its slower calls changed: disturbed, or something rare"
    if middle == SAME and blurred:
        return quick, f"by its quickest tenth, {100 * (p10[0] - 1):+.1f} %; the rest was disturbed"
    return (SAME, "") if middle == SAME else (UNSURE, "quick and slow calls disagree")


def _direction(ratio: Ratio, machine: float, threshold: float) -> str:
    """The same before and after taking out how much the machine changed, else unsure."""
    raw = _beyond(ratio, 1.0, threshold)
    return raw if raw == _beyond(ratio, machine, threshold) else UNSURE


def _beyond(ratio: Ratio, machine: float, threshold: float) -> str:
    value, low, high = (part / machine for part in ratio)
    if value > 1 + threshold and low > 1:
        return WORSE
    return BETTER if value < 1 / (1 + threshold) and high < 1 else SAME


def accuracy_change(before: Row, after: Row, threshold: float) -> Change | None:
    """NME in points or, where the faces are not annotated, deviation from the float model.

    None where a record lacks both, and for the float model's own deviation.
    """
    found = nme_change(before, after, threshold)
    return found or deviation_change(before, after, threshold)


def nme_change(before: Row, after: Row, threshold: float) -> Change | None:
    """NME in points over the same faces, paired; None where either record lacks the errors."""
    errors = [np.array((row.get("accuracy") or {}).get("errors") or []) for row in (before, after)]
    if not len(errors[0]) or len(errors[0]) != len(errors[1]):
        return None
    difference = errors[1] - errors[0]
    by, (low, high) = float(difference.mean()), metrics.bootstrap_interval(difference)
    verdict, why = _judged_nme((by, low, high), threshold)
    means = float(errors[0].mean()), float(errors[1].mean())
    return Change(str(after["key"]), "NME %", *means, by, low, high, verdict, why)


def _judged_nme(lost: Ratio, threshold: float) -> tuple[str, str]:
    """Of points ``lost`` and their interval: the same only where more cannot have been lost."""
    by, low, high = lost
    if by > threshold and low > 0:
        return WORSE, ""
    if high < 0:
        return BETTER, ""
    if high > threshold:
        return UNSURE, f"may have lost {high:.3f}, {threshold:g} are allowed"
    return SAME, "lost, but within what is allowed" if low > 0 else ""


def deviation_change(before: Row, after: Row, threshold: float) -> Change | None:
    """Mean distance to the float model's landmarks, % of eye distance; no interval is known."""
    name = "deviation_iod_percent"
    first, second = ((row.get("accuracy") or {}).get(name) for row in (before, after))
    if first is None or second is None or after.get("format") == "keras":
        return None
    by = second - first
    verdict = WORSE if by > threshold else BETTER if by < -threshold else SAME
    return Change(str(after["key"]), "deviation %", first, second, by, None, None, verdict)
