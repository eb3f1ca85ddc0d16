"""Change of one figure between two records, its 95 % interval, and a verdict.

A latency counts as changed when its ratio is beyond the threshold, its 95 % interval excludes 1,
and both still hold after dividing by how much the machine itself changed: the fixed piece of work
that is timed beside every round (`latency.yardstick`). Otherwise the verdict is unsure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.latency.figures import Latency, drawn_rounds, level_of, resampled
from asmnet_edge.benchmarks.record_types import CaseResult, LatencyResult

SAME, WORSE, BETTER, UNSURE = "same", "worse", "better", "unsure"
LATENCY = "p50 ms"  # the figure
FEWEST = 3  # rounds, for an interval
MATTERS = 0.2  # of the threshold: a machine that drifts by less neither makes nor hides a change
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

    def in_words(self, by: float) -> str:
        """Return ``by`` in the unit of this figure's changes."""
        return f"{by:+.1f} %" if self.figure == LATENCY else f"{by:+.3f}"


def latency_change(before: CaseResult, after: CaseResult, threshold: float, paired: bool) -> Change:
    """Compare p50 of two rows, both measured.

    threshold : relative change that counts; paired : they took turns in one run
    """
    first, second = (Latency.of(latency_of(case).rounds) for case in (before, after))
    p50s, key = (first.percentile(50), second.percentile(50)), after.key
    if min(len(first.rounds), len(second.rounds)) < FEWEST:
        by = 100 * (p50s[1] / p50s[0] - 1)
        return Change(key, LATENCY, *p50s, by, None, None, UNSURE, "fewer than three rounds")
    machine = 1.0 if paired else _that_matters(machine_ratio(before, after), threshold)
    ratios = _ratios(first, second, paired)
    verdict, why = judged(ratios["p50"], ratios["p10"], machine, threshold)
    by, low, high = (100 * (value - 1) for value in ratios["p50"])
    return Change(key, LATENCY, *p50s, by, low, high, verdict, why)


def latency_of(case: CaseResult) -> LatencyResult:
    """Return the latency of ``case``; `ValueError` where it was not measured."""
    if case.latency_ms is None:
        raise ValueError(f"{case.key} has no latency")
    return case.latency_ms


def machine_ratio(before: CaseResult, after: CaseResult) -> float:
    """Ratio of the times of the fixed piece of work; 1 where a record does not have them."""
    first, second = (
        [note.yardstick_ms for note in latency_of(case).notes if note.yardstick_ms]
        for case in (before, after)
    )
    return float(np.median(second) / np.median(first)) if first and second else 1.0


def _that_matters(machine: float, threshold: float) -> float:
    return machine if abs(machine - 1) > MATTERS * threshold else 1.0


def _ratios(first: Latency, second: Latency, paired: bool) -> dict[str, Ratio]:
    """Bootstrap the ratios of p10 and p50 over rounds, the same ones of both if they took turns.

    The interval is widened as for one row of as many rounds as the shorter of the two has, which
    is a little too much where they did not take turns.
    """
    level = level_of(min(len(first.rounds), len(second.rounds)))
    found = {p: second.percentile(p) / first.percentile(p) for p in (10, 50)}
    paired = paired and len(first.rounds) == len(second.rounds)
    draws = drawn_rounds(len(first.rounds)), drawn_rounds(len(second.rounds), 0 if paired else 1)
    drawn = [resampled(each, draw) for each, draw in zip((first, second), draws, strict=True)]
    ratios = {}
    for p, ratio in found.items():
        low, high = np.percentile(drawn[1][f"p{p}"] / drawn[0][f"p{p}"], level)
        ratios[f"p{p}"] = (ratio, float(low), float(high))
    return ratios


def judged(p50: Ratio, p10: Ratio, machine: float, threshold: float) -> tuple[str, str]:
    """Return verdict and reason. Other processes disturb slow calls first and quick ones last.

    So a change must be seen in the quickest tenth too, and alone there it counts where the median
    is too blurred to show it.
    """
    middle, quick = _direction(p50, machine, threshold), _direction(p10, machine, threshold)
    blurred = p50[2] - p50[1] > 2 * threshold
    if middle == UNSURE:
        return UNSURE, _drifted(p50, machine, threshold)
    if quick == UNSURE:
        return UNSURE, f"of its quickest tenth, {_drifted(p10, machine, threshold)}"
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
    """Verdict if it is the same with and without the change of the machine, else unsure."""
    raw = _beyond(ratio, 1.0, threshold)
    return raw if raw == _beyond(ratio, machine, threshold) else UNSURE


def _drifted(ratio: Ratio, machine: float, threshold: float) -> str:
    """Explain a verdict by a machine that took ``machine`` times as long for the same work.

    A change that it explains has its direction; one that it hides would have the other.
    """
    work = f"a fixed piece of work took {100 * (machine - 1):+.1f} %"
    if _beyond(ratio, 1.0, threshold) != SAME:
        return f"the machine may explain it: {work}, too"
    return f"the machine may hide a {'slowdown' if machine < 1 else 'speed-up'}: {work}"


def _beyond(ratio: Ratio, machine: float, threshold: float) -> str:
    value, low, high = (part / machine for part in ratio)
    if value > 1 + threshold and low > 1:
        return WORSE
    return BETTER if value < 1 / (1 + threshold) and high < 1 else SAME
