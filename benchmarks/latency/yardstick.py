"""A fixed piece of work that is timed beside the models: it tells a slow machine from a slow model.

Sensors are often not there (virtual machines, containers); this always is. It sorts and adds up
numbers that fit the second-level cache, on one thread.
"""

from __future__ import annotations

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


def yardstick() -> list[float]:
    """Milliseconds that the work takes now, a few times over."""
    return [time_call(_work) for _ in range(REPEATS)]
