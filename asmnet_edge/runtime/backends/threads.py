"""How many threads a network this small is worth."""

from __future__ import annotations

import os

from asmnet_edge.cpu import is_arm


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sensible_threads(machine: str | None = None, cores: int | None = None) -> int:
    """On ARM all cores but one, which the camera needs, and four at most; elsewhere one.

    An inference of some milliseconds gains little from more than one quick core.
    """
    cores = usable_cores() if cores is None else cores
    return max(1, min(4, cores - 1)) if is_arm(machine) else 1
