"""What is told of a camera that goes and comes, and when it is started again."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from asmnet_edge.runtime.cameras.frames import CameraRule

Tell = Callable[[str], None]
FLAPPING = 60  # times ``steady``: between lines of a camera that comes and goes all the time


class Outages:
    """Counts and tells the outages of one camera; all times in seconds of one clock.

    One that follows soon after a return is told only once it lasts, and a camera that comes and
    goes all the time only now and then. ``reason`` : of the last one.
    """

    def __init__(self, name: str, rule: CameraRule, tell: Tell) -> None:
        self._name, self._rule, self._tell = name, rule, tell
        self._lost: float | None = None  # since when there are no frames
        self.reason, self._is_told = "", False
        self._has_given = False  # a frame, ever
        self._back = self._said = -1e9  # when frames came back, and the last line
        self._delay = rule.retry
        self.count = 0

    def fail(self, reason: str, now: float) -> float:
        """There are no frames, for ``reason``; when to start it again, each time later."""
        if self._lost is None:
            self._lost, self._is_told, self.count = now, False, self.count + 1
        self.reason = reason
        self.look(now)
        delay, self._delay = self._delay, min(2 * self._delay, self._rule.longest)
        return now + delay

    def look(self, now: float) -> None:
        """Tell the outage, if there is one that is worth a line by now."""
        if self._lost is None or self._is_told:
            return
        steady = self._rule.steady
        ran, lasts = self._lost - self._back > steady, now - self._lost > steady
        if ran or lasts or now - self._said > FLAPPING * steady:
            self._say(f"{self.reason}; {self._what_is_done()}", now)
            self._is_told = True

    def frame(self, now: float) -> None:
        """A frame came. Only frames for a while show that it need not be spared."""
        if self._lost is not None:
            if self._is_told:
                word = "back" if self._has_given else "there"
                self._say(f"{word} after {now - self._lost:.1f} s", now)
            self._lost, self._back = None, now
        self._has_given = True
        if now - self._back > self._rule.steady:
            self._delay = self._rule.retry

    def _what_is_done(self) -> str:
        if self._has_given:
            return "trying again until it comes back"
        hope = self._rule.hope
        return f"trying again for {hope:.0f} s" if isfinite(hope) else "waiting for it"

    def _say(self, line: str, now: float) -> None:
        self._said = now
        self._tell(f"camera {self._name}: {line}")
