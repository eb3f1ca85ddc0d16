"""Default number of threads for inference."""

from __future__ import annotations

from asmnet_edge.cpu import is_arm, usable_cores


def sensible_threads(machine: str | None = None, cores: int | None = None) -> int:
    """Return the default number of threads: 1, or on ARM all cores but one, at most 4.

    The remaining core is for the camera. On faster cores, an inference of a few milliseconds gains
    little from more than one.
    """
    cores = usable_cores() if cores is None else cores
    return max(1, min(4, cores - 1)) if is_arm(machine) else 1
