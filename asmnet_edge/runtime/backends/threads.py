"""How many threads a network this small is worth."""

from __future__ import annotations

from asmnet_edge.cpu import is_arm, usable_cores


def sensible_threads(machine: str | None = None, cores: int | None = None) -> int:
    """On ARM all cores but one, which the camera needs, and four at most; elsewhere one.

    An inference of some milliseconds gains little from more than one quick core.
    """
    cores = usable_cores() if cores is None else cores
    return max(1, min(4, cores - 1)) if is_arm(machine) else 1
