"""Images as a camera gives them, and the clock that tells when they were taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from asmnet_edge.pictures import Picture

SANE = 0.5  # greatest age of the first frame, in seconds, if its clock is ours; half of `stale`
LATEST = 30.0  # seconds of age from which on a stamp is taken for wrong

Wanted = tuple[int, int, int]  # width, height, frames per second; 0 for the default


@dataclass(frozen=True)
class CapturedImage:
    """One image of a camera: (H, W, 3) uint8 BGR, and `time.monotonic` of when it was taken."""

    picture: Picture
    seconds: float


Grab = Callable[[], CapturedImage | None]


class DeviceClock:
    """Converts a device's time stamps to `time.monotonic`; else uses the time of arrival.

    Drivers stamp with Linux' monotonic clock (ours), with the time of day, or not at all: the first
    frame shows which. With our clock, a frame that waited in a queue counts as old as it is.
    """

    def __init__(self) -> None:
        self._is_ours: bool | None = None

    def taken(self, stamp: float) -> float:
        """Return when a frame was taken that arrives now with ``stamp``, in seconds."""
        now = time.monotonic()
        age = now - stamp
        if self._is_ours is None:
            self._is_ours = 0 <= age <= SANE
        return stamp if self._is_ours and 0 <= age <= LATEST else now
