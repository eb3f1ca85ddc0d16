"""Reference workload, timed beside the models: it separates a slow machine from a slow model.

Sensors are often missing (virtual machines, containers); this never is. It sorts and sums numbers
that fit the second-level cache, on one thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.benchmarks.latency.turn import time_call

REPEATS = 40


@cache
def _numbers() -> NDArray[np.float32]:
    return np.random.default_rng(0).random(2**15, np.float32)


def _work() -> None:
    numbers = _numbers()
    np.sort(numbers)
    for _ in range(10):
        np.sqrt(numbers * numbers + 1).sum()


def yardstick(cpus: Sequence[int] = ()) -> list[float]:
    """Time the workload `REPEATS` times, in ms; pinned to the cores ``cpus`` if there are any."""
    with _pinned_to(cpus):
        return [time_call(_work) for _ in range(REPEATS)]


@contextmanager
def _pinned_to(cpus: Sequence[int]) -> Iterator[None]:
    """Pin this process to ``cpus`` within the block, where the system supports and allows it."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        with suppress(OSError):
            os.sched_setaffinity(0, cpus)
        yield
    finally:
        os.sched_setaffinity(0, before)
