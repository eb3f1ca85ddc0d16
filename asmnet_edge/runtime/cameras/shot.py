"""What a camera gives: a picture and when it was taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from asmnet_edge.pictures import Picture

SANE = 0.5  # seconds that the first frame may be old, for its clock to be ours; half of `stale`
LATEST = 30.0  # seconds of age beyond which a clock has gone wrong

Wanted = tuple[int, int, int]  # width, height, frames per second; 0 for what the camera likes


@dataclass(frozen=True)
class Shot:
    """One frame of a camera: (H, W, 3) uint8 BGR, and `time.monotonic` of when it was taken."""

    picture: Picture
    seconds: float


Grab = Callable[[], Shot | None]


class DeviceClock:
    """Turns a device's stamps into our time, where they are of our clock; else it is the arrival.

    Whether they are shows the first frame: drivers stamp with Linux' monotonic clock (ours), with
    the time of day, with nothing. A frame that lay in a queue then counts as old as it is.
    """

    def __init__(self) -> None:
        self._is_ours: bool | None = None

    def taken(self, stamp: float) -> float:
        """When a frame was taken that arrives now with ``stamp``, in seconds."""
        now = time.monotonic()
        age = now - stamp
        if self._is_ours is None:
            self._is_ours = 0 <= age <= SANE
        return stamp if self._is_ours and 0 <= age <= LATEST else now
