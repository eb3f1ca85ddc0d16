"""A film's frames at its own pace, for people to look at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from asmnet_edge.runtime.cameras.frames import Frame

TICK = 0.25  # seconds that are waited at a time


def at_pace(
    frames: Iterator[Frame], rate: float, stop: Callable[[], bool] = lambda: False
) -> Iterator[Frame | None]:
    """Every one of ``frames``, ``rate`` of them a second at most; None after each wait for one.

    Who is slower than the film gets all of them all the same, later.
    """
    due = time.monotonic()
    while True:
        while (left := due - time.monotonic()) > 0 and not stop():
            time.sleep(min(left, TICK))
            yield None
        frame = next(frames, None)
        if frame is None:
            return
        yield frame
        due = max(due + 1 / rate, time.monotonic())
