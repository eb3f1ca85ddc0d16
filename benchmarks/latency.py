"""Latency of one call, single stream: warmed up, interleaved, every sample kept.

Interleaving: all candidates take turns in short rounds, so that a machine that drifts or is shared
slows all of them alike and their ratios hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], object]

WINDOW = 20  # calls that two neighbouring medians of the warm-up are taken over
STEADY = 0.05  # relative change between them that counts as steady
UNSTEADY_SPREAD = 1.5  # p90 over p50 above which a row is marked
UNSTEADY_DRIFT = 0.15  # change of the median between the halves of a row above which it is marked


@dataclass(frozen=True)
class LatencyPlan:
    """How long to measure: at least ``queries`` calls and ``seconds`` each, in ``rounds`` turns."""

    queries: int = 200
    seconds: float = 2.0
    rounds: int = 8
    warmup_seconds: float = 3.0


@dataclass(frozen=True)
class Latency:
    """Samples of one candidate in milliseconds, in the order they were taken."""

    samples: NDArray[np.float64]
    warmup_calls: int

    def percentile(self, percent: float) -> float:
        return float(np.percentile(self.samples, percent))

    def unsteady(self) -> list[str]:
        """Why the samples deserve distrust; empty when they do not."""
        reasons = []
        spread = self.percentile(90) / self.percentile(50)
        if spread > UNSTEADY_SPREAD:
            reasons.append(f"p90 is {spread:.2f} times p50")
        first, last = (float(np.median(half)) for half in np.array_split(self.samples, 2))
        if abs(last / first - 1) > UNSTEADY_DRIFT:
            reasons.append(f"the median moved by {100 * (last / first - 1):+.0f} % while measuring")
        return reasons

    def as_json(self) -> dict[str, Any]:
        return {
            "p50": self.percentile(50),
            "p90": self.percentile(90),
            "p99": self.percentile(99),
            "mean": float(self.samples.mean()),
            "calls": len(self.samples),
            "warmup_calls": self.warmup_calls,
            "samples": [round(s, 4) for s in self.samples.tolist()],
        }


def measure(calls: Sequence[Call], plan: LatencyPlan, tick: Callable[[], None]) -> list[Latency]:
    """Latency of each of ``calls``; ``tick`` is called ``rounds`` times for each of them."""
    warmups = [warm_up(call, plan.warmup_seconds) for call in calls]
    samples: list[list[float]] = [[] for _ in calls]
    for _ in range(plan.rounds):
        for call, taken in zip(calls, samples, strict=True):
            taken.extend(_turn(call, plan))
            tick()
    return [Latency(np.array(s), w) for s, w in zip(samples, warmups, strict=True)]


def warm_up(call: Call, seconds: float) -> int:
    """Call until two neighbouring medians agree or ``seconds`` are over; the number of calls."""
    end, taken = perf_counter() + seconds, [_time(call)]
    while perf_counter() < end:
        taken.append(_time(call))
        if len(taken) >= 2 * WINDOW:
            before, now = np.median(taken[-2 * WINDOW : -WINDOW]), np.median(taken[-WINDOW:])
            if abs(now / before - 1) < STEADY:
                break
    return len(taken)


def _turn(call: Call, plan: LatencyPlan) -> Iterator[float]:
    """One round's share of the calls and of the time."""
    end, done = perf_counter() + plan.seconds / plan.rounds, 0
    while done < plan.queries / plan.rounds or perf_counter() < end:
        yield _time(call)
        done += 1


def _time(call: Call) -> float:
    start = perf_counter()
    call()
    return 1e3 * (perf_counter() - start)
