"""A video's frames at its own pace, as people watch it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from asmnet_edge.runtime.cameras.frames import Frame

TICK = 0.25  # longest wait at a time, in seconds


def at_pace(
    frames: Iterator[Frame], rate: float, stop: Callable[[], bool] = lambda: False
) -> Iterator[Frame | None]:
    """Yield all ``frames``, at most ``rate`` a second, and None after each `TICK` of waiting.

    A caller slower than ``rate`` still gets every frame, only later.
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
