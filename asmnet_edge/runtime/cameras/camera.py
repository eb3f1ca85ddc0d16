"""A camera that recovers from faults: a child process holds it, which can be killed and restarted.

`Outages` decides which faults are logged, and when the camera is started again.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from asmnet_edge.errors import CheckFailedError
from asmnet_edge.io.images import Picture
from asmnet_edge.io.system import our_python
from asmnet_edge.runtime.cameras.discovery import other_cameras
from asmnet_edge.runtime.cameras.transport import (
    BrokenMessageError,
    CaptureProcess,
    Message,
    Slots,
    memory_file,
)
from asmnet_edge.runtime.sources import Frame, without_secrets

Log = Callable[[str], None]
FLAPPING = 60  # times ``steady``: between log lines of a camera that comes and goes all the time


@dataclass(frozen=True)
class CameraRule:
    """Time limits of a camera, in seconds.

    opening, longest_opening : until its first frame: at first, and at most (doubled on failure)
    silence : longest time between frames; stale : longest age of a frame when it is read
    give_up : longest wait for a first frame at all, after which the camera is not started again
    retry, longest : pause before a restart: the first one, and the longest (doubled each time)
    steady : without a fault, after which a new outage is reported in a new line
    tick : between two returns to the caller while no frame comes
    """

    opening: float = 10.0
    longest_opening: float = 60.0
    silence: float = 2.0
    stale: float = 1.0
    give_up: float = math.inf
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
        give_up = self._rule.give_up
        return f"trying again for {give_up:.0f} s" if math.isfinite(give_up) else "waiting for it"

    def _write(self, line: str, now: float) -> None:
        self._logged = now
        self._log(f"camera {self._name}: {line}")


STUCK = 2  # processes that cannot be killed, from which on no further one is started


class Camera:
    """Frames of a camera, until the caller stops.

    When frames stop, come too late or are broken, the process that holds the camera is killed and
    started again, after a short pause at first and longer ones later. A camera that has never
    given a frame is given up after the rule's ``give_up``.

    source : index, device path, rtsp:// or http:// address, picamera2 or picamera2:INDEX,
    replay:FILE; requested : width, height and frames per second, 0 for the camera's default
    log : called with one line for each outage and recovery
    command : run instead of our capture process, for tests; outages, dropped : counted so far
    """

    def __init__(
        self,
        source: str,
        requested: tuple[int, int, int] = (0, 0, 0),
        rule: CameraRule | None = None,
        log: Log = lambda line: None,
        command: Sequence[str] = (),
    ) -> None:
        self.rule, self._log = rule or CameraRule(), log
        self._command = list(command) or our_python("-m", "asmnet_edge.runtime.cameras.capture")
        self._arguments = [source, *map(str, requested)]
        self._name = without_secrets(source)
        self._memory = memory_file()
        self._slots = Slots(self._memory)
        self._child: CaptureProcess | None = None
        self._stuck: list[CaptureProcess] = []
        self._logged_stuck = False
        self._out: Picture | None = None
        self._size: tuple[int, ...] | None = None  # of this process's frames
        self._count, self._last, self._opening = 0, 0.0, self.rule.opening
        self._deadline, self._retry_at = 0.0, 0.0
        self._outages = Outages(self._name, self.rule, log)
        self.dropped = 0

    @property
    def outages(self) -> int:
        return self._outages.count

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def frames(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Frame | None]:
        """Yield the newest frame, or None about every ``tick`` seconds while there is none.

        stop : called between frames; true ends the iteration
        `CheckFailedError` when no frame came within the rule's ``give_up``.
        """
        begun = time.monotonic()
        while not stop():
            if self._child is None and not self._count:
                self._check_give_up(time.monotonic() - begun)
            frame = self._next_if_any()
            given = time.monotonic()
            yield frame
            self._deadline += time.monotonic() - given  # the caller's own time is no silence

    def _check_give_up(self, waited: float) -> None:
        if waited > self.rule.give_up:
            raise CheckFailedError(
                f"camera {self._name} delivered no picture in {waited:.0f} s: "
                f"{self._outages.reason}",
                other_cameras(),
            )

    def _next_if_any(self) -> Frame | None:
        """Return the newest frame; after a fault kill the process and return None."""
        try:
            return self._next()
        except (BrokenMessageError, OSError) as fault:
            self._kill()
            self._retry_at = self._outages.fail(without_secrets(str(fault)), time.monotonic())
            return None

    def _next(self) -> Frame | None:
        self._outages.update(time.monotonic())
        if self._child is None and not self._may_start():
            wait = self._retry_at - time.monotonic()
            time.sleep(min(wait, self.rule.tick) if wait > 0 else self.rule.tick)
            return None
        child = self._child or self._start()
        message = child.newest(self.rule.tick)
        self.dropped, child.dropped = self.dropped + child.dropped, 0
        frame = self._frame(message) if message else None
        if frame is None:
            self._check_silence()
            return None
        self._outages.frame(time.monotonic())
        return frame

    def _may_start(self) -> bool:
        """Return whether a process may start; those that cannot be killed must not accumulate."""
        self._stuck = [child for child in self._stuck if child.process.poll() is None]
        if len(self._stuck) >= STUCK:
            if not self._logged_stuck:
                self._log(f"camera {self._name}: {len(self._stuck)} of its processes hang in the "
                           "driver and cannot be ended; no other is started until one has ended. "
                           "Unplug the camera, or restart the machine")  # fmt: skip
                self._logged_stuck = True
            return False
        return time.monotonic() >= self._retry_at

    def _start(self) -> CaptureProcess:
        self._child = CaptureProcess(self._command, self._arguments, self._memory)
        self._size = None
        self._deadline = time.monotonic() + self._opening
        return self._child

    def _frame(self, message: Message) -> Frame | None:
        """Return the frame of ``message``; None if it is too old or was overwritten meanwhile."""
        age = time.monotonic() - message.seconds
        fresh = message.seconds > self._last and -0.1 <= age <= self.rule.stale
        picture = self._slots.read(message, self._out) if fresh else None
        if picture is None:
            self.dropped += 1
            return None
        if self._size not in (None, picture.shape):
            raise BrokenMessageError("its frames changed their size")
        self._out, self._size, self._last = picture, picture.shape, message.seconds
        self._count, self._opening = self._count + 1, self.rule.opening
        self._deadline = time.monotonic() + self.rule.silence
        return Frame(picture, message.seconds, self._count)

    def _check_silence(self) -> None:
        if time.monotonic() <= self._deadline:
            return
        if self._size is None:  # slow cameras are given more time
            self._opening = max(self._opening, min(2 * self._opening, self.rule.longest_opening))
        raise BrokenMessageError("it gives no new frames")

    def _kill(self) -> None:
        if self._child and not self._child.end():
            self._stuck.append(self._child)
        self._child = None

    def close(self) -> None:
        self._kill()
        self._slots.close()
        os.close(self._memory)
