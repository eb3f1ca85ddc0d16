"""Timing calls: one turn of a row, and its warm-up. Runs in the row's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

Call = Callable[[], object]

LEAD_CALLS, LEAD_SECONDS = 3, 0.02  # before a turn counts: other rows have had the caches
LEAD_ENOUGH = 0.5  # seconds after which a slow row has led in, with one call at least
WINDOW, LEAST_WINDOW = 20, 3  # calls that two neighbouring medians of the warm-up are taken over
STEADY = 0.05  # relative change between them that counts as steady


@dataclass(frozen=True)
class Turn:
    """Calls made in a row.

    samples : ms of each, in order; wall, cpu : seconds of the turn, and of processor time that the
    process used in it; preemptions : times the system took the processor away
    lead_in : ms of the calls before those, which are in wall and cpu, but in no percentile
    """

    samples: tuple[float, ...]
    wall: float
    cpu: float
    preemptions: int
    lead_in: tuple[float, ...] = ()


@dataclass(frozen=True)
class WarmUp:
    """Calls made before measuring; steady : whether they ended so; None: too few to tell."""

    calls: int
    seconds: float
    steady: bool | None


def take_turn(call: Call, queries: int, seconds: float) -> Turn:
    """Lead in, then call at least ``queries`` times and for ``seconds``."""
    taken: list[float] = []
    before, cpu, start = _preemptions(), process_time(), perf_counter()
    lead_in = _lead_in(call)
    end = perf_counter() + seconds
    while len(taken) < queries or perf_counter() < end:
        taken.append(time_call(call))
    wall, used = perf_counter() - start, process_time() - cpu
    return Turn(tuple(taken), wall, used, _preemptions() - before, tuple(lead_in))


def _lead_in(call: Call) -> list[float]:
    """Call for `LEAD_SECONDS` and at least `LEAD_CALLS` times, if that is soon over."""
    taken: list[float] = []
    start = perf_counter()
    while len(taken) < LEAD_CALLS or perf_counter() < start + LEAD_SECONDS:
        taken.append(time_call(call))
        if perf_counter() > start + LEAD_ENOUGH:
            break
    return taken


def warm_up(call: Call, seconds: float) -> WarmUp:
    """Call until two neighbouring medians agree or ``seconds`` are over after the first call."""
    start, taken, steady = perf_counter(), [time_call(call)], False
    end = perf_counter() + seconds
    while not steady and perf_counter() < end:
        taken.append(time_call(call))
        steady = _settled(taken, window_of(taken, seconds))
    told = steady if len(taken) >= 2 * LEAST_WINDOW else None
    return WarmUp(len(taken), perf_counter() - start, told)


def window_of(taken: list[float], seconds: float) -> int:
    """`WINDOW`, or fewer where calls are so slow that two of them would fill half of the time."""
    within = int(1e3 * seconds / 4 / max(float(np.median(taken)), 1e-9))
    return max(LEAST_WINDOW, min(WINDOW, within))


def _settled(taken: list[float], window: int) -> bool:
    if len(taken) < 2 * window:
        return False
    before, now = np.median(taken[-2 * window : -window]), np.median(taken[-window:])
    return bool(abs(now / before - 1) < STEADY)


def time_call(call: Call) -> float:
    """Milliseconds that one ``call`` takes."""
    start = perf_counter()
    call()
    return 1e3 * (perf_counter() - start)


def _preemptions() -> int:
    """0 where the system does not count them."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
