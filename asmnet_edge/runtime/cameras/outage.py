"""Outages of a camera: which of them are logged, and when the camera is started again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Log = Callable[[str], None]
FLAPPING = 60  # times ``steady``: between log lines of a camera that comes and goes all the time


@dataclass(frozen=True)
class CameraRule:
    """Time limits of a camera, in seconds.

    opening, patience : until its first frame: at first, and at most after failures (doubled each)
    silence : longest time between frames; stale : longest age of a frame when it is read
    hope : without any first frame, after which the camera is not started again
    retry, longest : pause before a restart: the first one, and the longest (doubled each time)
    steady : without a fault, after which a new outage is reported in a new line
    tick : between two returns to the caller while no frame comes
    """

    opening: float = 10.0
    patience: float = 60.0
    silence: float = 2.0
    stale: float = 1.0
    hope: float = math.inf
    retry: float = 0.2
    longest: float = 2.0
    steady: float = 10.0
    tick: float = 0.25


class Outages:
    """Counts and logs the outages of one camera; all times are seconds of one clock.

    An outage soon after a recovery is logged only once it lasts, and a camera that comes and goes
    all the time only now and then.
    reason : of the last outage; count : of all so far
    """

    def __init__(self, name: str, rule: CameraRule, log: Log) -> None:
        self._name, self._rule, self._log = name, rule, log
        self._lost: float | None = None  # since when there are no frames
        self.reason, self._is_logged = "", False
        self._had_frame = False  # since the camera was first opened
        self._back = self._logged = -1e9  # when frames came back, and when the last line was logged
        self._delay = rule.retry
        self.count = 0

    def fail(self, reason: str, now: float) -> float:
        """Note that frames stopped for ``reason``; return when to restart, later each time."""
        if self._lost is None:
            self._lost, self._is_logged, self.count = now, False, self.count + 1
        self.reason = reason
        self.update(now)
        delay, self._delay = self._delay, min(2 * self._delay, self._rule.longest)
        return now + delay

    def update(self, now: float) -> None:
        """Log the outage, if there is one that is worth a line by now."""
        if self._lost is None or self._is_logged:
            return
        steady = self._rule.steady
        ran, lasts = self._lost - self._back > steady, now - self._lost > steady
        if ran or lasts or now - self._logged > FLAPPING * steady:
            self._write(f"{self.reason}; {self._next_step()}", now)
            self._is_logged = True

    def frame(self, now: float) -> None:
        """Note that a frame came; only frames for a while reset the pause before a restart."""
        if self._lost is not None:
            if self._is_logged:
                word = "back" if self._had_frame else "there"
                self._write(f"{word} after {now - self._lost:.1f} s", now)
            self._lost, self._back = None, now
        self._had_frame = True
        if now - self._back > self._rule.steady:
            self._delay = self._rule.retry

    def _next_step(self) -> str:
        if self._had_frame:
            return "trying again until it comes back"
        hope = self._rule.hope
        return f"trying again for {hope:.0f} s" if math.isfinite(hope) else "waiting for it"

    def _write(self, line: str, now: float) -> None:
        self._logged = now
        self._log(f"camera {self._name}: {line}")
