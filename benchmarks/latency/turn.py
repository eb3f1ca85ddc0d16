"""Timing calls: one turn of a row, and its warm-up. Runs in the row's own process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

Call = Callable[[], object]

WINDOW = 20  # calls that two neighbouring medians of the warm-up are taken over
STEADY = 0.05  # relative change between them that counts as steady


@dataclass(frozen=True)
class Turn:
    """Calls made in a row.

    samples : ms of each, in order; wall, cpu : seconds of the turn, and of processor time that the
    process used in it; preemptions : times the system took the processor away
    """

    samples: tuple[float, ...]
    wall: float
    cpu: float
    preemptions: int


@dataclass(frozen=True)
class WarmUp:
    """Calls made before measuring; steady : whether they ended so, or time was over."""

    calls: int
    seconds: float
    steady: bool


def take_turn(call: Call, queries: int, seconds: float) -> Turn:
    """Call at least ``queries`` times and for ``seconds``."""
    taken: list[float] = []
    before, cpu, start = _preemptions(), process_time(), perf_counter()
    end = start + seconds
    while len(taken) < queries or perf_counter() < end:
        taken.append(time_call(call))
    wall, used = perf_counter() - start, process_time() - cpu
    return Turn(tuple(taken), wall, used, _preemptions() - before)


def warm_up(call: Call, seconds: float) -> WarmUp:
    """Call until two neighbouring medians agree or ``seconds`` are over."""
    start, taken, steady = perf_counter(), [time_call(call)], False
    while not steady and perf_counter() < start + seconds:
        taken.append(time_call(call))
        steady = _settled(taken)
    return WarmUp(len(taken), perf_counter() - start, steady)


def _settled(taken: list[float]) -> bool:
    if len(taken) < 2 * WINDOW:
        return False
    before, now = np.median(taken[-2 * WINDOW : -WINDOW]), np.median(taken[-WINDOW:])
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
