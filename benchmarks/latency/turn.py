"""Timing of calls: one round of a case, and its warm-up. Runs in the case's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

from asmnet_edge.benchmarks.record_types import WarmUp

Call = Callable[[], object]

LEAD_CALLS, LEAD_SECONDS = 3, 0.02  # before a round counts: other cases have had the caches
LEAD_ENOUGH = 0.5  # seconds after which the lead-in of a slow case ends, after one call at least
WINDOW, LEAST_WINDOW = 20, 3  # calls that two neighbouring medians of the warm-up are taken over
STEADY = 0.05  # relative change between them that counts as steady


@dataclass(frozen=True)
class Turn:
    """Calls of one case in one round.

    samples : ms of each, in order; wall, cpu : seconds of the round, and of processor time that the
    process used in it; preemptions : involuntary context switches
    lead_in : ms of the calls before those, which are in wall and cpu, but in no percentile
    """

    samples: tuple[float, ...]
    wall: float
    cpu: float
    preemptions: int
    lead_in: tuple[float, ...] = ()


def take_turn(call: Call, queries: int, seconds: float) -> Turn:
    """Time at least ``queries`` calls and ``seconds`` of calling, after a lead-in."""
    samples: list[float] = []
    before, cpu, start = _preemptions(), process_time(), perf_counter()
    lead_in = _lead_in(call)
    end = perf_counter() + seconds
    while len(samples) < queries or perf_counter() < end:
        samples.append(time_call(call))
    wall, used = perf_counter() - start, process_time() - cpu
    return Turn(tuple(samples), wall, used, _preemptions() - before, tuple(lead_in))


def _lead_in(call: Call) -> list[float]:
    """Call for `LEAD_SECONDS` and at least `LEAD_CALLS` times, but not beyond `LEAD_ENOUGH`."""
    samples: list[float] = []
    start = perf_counter()
    while len(samples) < LEAD_CALLS or perf_counter() < start + LEAD_SECONDS:
        samples.append(time_call(call))
        if perf_counter() > start + LEAD_ENOUGH:
            break
    return samples


def warm_up(call: Call, seconds: float) -> WarmUp:
    """Call until two neighbouring medians agree or ``seconds`` are over after the first call."""
    start, samples, steady = perf_counter(), [time_call(call)], False
    end = perf_counter() + seconds
    while not steady and perf_counter() < end:
        samples.append(time_call(call))
        steady = _settled(samples, window_of(samples, seconds))
    enough = len(samples) >= 2 * LEAST_WINDOW
    return WarmUp(len(samples), perf_counter() - start, steady if enough else None)


def window_of(samples: list[float], seconds: float) -> int:
    """`WINDOW`, or fewer calls where they are so slow that two windows would fill half the time."""
    within = int(1e3 * seconds / 4 / max(float(np.median(samples)), 1e-9))
    return max(LEAST_WINDOW, min(WINDOW, within))


def _settled(samples: list[float], window: int) -> bool:
    if len(samples) < 2 * window:
        return False
    before, now = np.median(samples[-2 * window : -window]), np.median(samples[-window:])
    return bool(abs(now / before - 1) < STEADY)


def time_call(call: Call) -> float:
    """Milliseconds that one ``call`` takes."""
    start = perf_counter()
    call()
    return 1e3 * (perf_counter() - start)


def _preemptions() -> int:
    """Involuntary context switches of this process; 0 where the system does not count them."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
