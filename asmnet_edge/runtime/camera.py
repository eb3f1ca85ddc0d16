"""A camera that comes back: watched from here, held by a process that can be killed.

The newest frame is the only one that is kept. When frames stop, come too late or are none, the
process is killed and started again, at once and then more and more seldom.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.frames import CameraRule, Frame
from asmnet_edge.runtime.slots import (
    ERROR,
    MESSAGE,
    BrokenMessageError,
    Message,
    Slots,
    memory_file,
)

Tell = Callable[[str], None]


class Camera:
    """Frames of a camera for as long as they are wanted.

    source : index, device path, rtsp:// or http:// address, picamera2 or picamera2:INDEX,
    replay:FILE; wanted : width, height and frames per second, 0 for what the camera likes
    command : what is run instead of our own capture process; outages, dropped : counted so far
    """

    def __init__(
        self,
        source: str,
        wanted: tuple[int, int, int] = (0, 0, 0),
        rule: CameraRule | None = None,
        tell: Tell = lambda line: None,
        command: Sequence[str] = (),
    ) -> None:
        self.source, self.rule, self._tell = source, rule or CameraRule(), tell
        self._command = list(command) or [sys.executable, "-m", "asmnet_edge.runtime.capture"]
        self._words = [source, *map(str, wanted)]
        self._memory = memory_file()
        self._slots = Slots(self._memory)
        self._process: subprocess.Popen[bytes] | None = None
        self._unreaped: list[subprocess.Popen[bytes]] = []
        self._pipe, self._pending = -1, b""
        self._out: Picture | None = None
        self._size: tuple[int, ...] | None = None
        self._count, self._last, self._delay = 0, 0.0, self.rule.retry
        self._lost: float | None = None  # since when there are no frames
        self._back = -1e9  # when they came back, or a line was told
        self._told = False
        self._deadline, self._retry_at = 0.0, 0.0
        self.outages = self.dropped = 0

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def frames(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Frame | None]:
        """The newest frame each time, or None about every ``tick`` seconds while there is none."""
        while not stop():
            try:
                yield self._next()
            except (BrokenMessageError, OSError) as fault:
                self._fail(str(fault))
                yield None

    def _next(self) -> Frame | None:
        if self._process is None:
            wait = self._retry_at - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, self.rule.tick))
                return None
            self._start()
        message = self._newest()
        frame = self._frame(message) if message else None
        if frame is None:
            self._check_alive()
            return None
        self._is_back(frame.seconds)
        return frame

    def _start(self) -> None:
        reading, writing = os.pipe()
        descriptors = (self._memory, writing)
        command = [*self._command, *map(str, descriptors), *self._words]
        try:
            self._process = subprocess.Popen(
                command, pass_fds=descriptors, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        self._pipe, self._pending, self._size = reading, b"", None
        self._deadline = time.monotonic() + self.rule.opening

    def _newest(self) -> Message | None:
        """The last message that came, waiting at most a tick for one."""
        if not select.select([self._pipe], [], [], self.rule.tick)[0]:
            return None
        while True:
            try:
                content = os.read(self._pipe, 64 * MESSAGE.size)
            except BlockingIOError:
                break
            if not content:
                break
            self._pending += content
        return self._unpacked()

    def _unpacked(self) -> Message | None:
        whole = len(self._pending) // MESSAGE.size
        if not whole:
            return None
        kept, self._pending = self._pending, self._pending[whole * MESSAGE.size :]
        message = Message.unpacked(kept[(whole - 1) * MESSAGE.size : whole * MESSAGE.size])
        self.dropped += whole - 1
        if message.kind == ERROR:
            raise BrokenMessageError(message.text)
        return message

    def _frame(self, message: Message) -> Frame | None:
        """The frame of ``message``; None if it is an old one, or was written over meanwhile."""
        age = time.monotonic() - message.seconds
        if message.seconds <= self._last or not -0.1 <= age <= self.rule.stale:
            self.dropped += 1
            return None
        picture = self._slots.read(message, self._out)
        if picture is None:
            self.dropped += 1
            return None
        if self._size not in (None, picture.shape):
            raise BrokenMessageError("its frames changed their size")
        self._out, self._size, self._last = picture, picture.shape, message.seconds
        self._count += 1
        self._deadline = time.monotonic() + self.rule.silence
        return Frame(picture, message.seconds, self._count)

    def _check_alive(self) -> None:
        if self._process and self._process.poll() is not None:
            raise BrokenMessageError("its process ended")
        if time.monotonic() > self._deadline:
            raise BrokenMessageError("it gives no new frames")

    def _fail(self, reason: str) -> None:
        """Give this process up; a line is told once for a camera that comes and goes."""
        now = time.monotonic()
        self._kill()
        if self._lost is None:
            self._lost, self.outages = now, self.outages + 1
            if now - self._back > self.rule.steady or not self._told:
                self._tell(f"camera {self.source}: {reason}; trying again until it comes back")
                self._told = True
        self._retry_at = now + self._delay
        self._delay = min(2 * self._delay, self.rule.longest)

    def _is_back(self, now: float) -> None:
        self._delay = self.rule.retry
        if self._lost is not None:
            if now - self._back > self.rule.steady:
                self._tell(f"camera {self.source}: back after {now - self._lost:.1f} s")
            self._lost, self._back = None, now

    def _kill(self) -> None:
        """End the process; one that hangs in its driver is left behind and reaped later."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._process:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
            self._unreaped = [p for p in (*self._unreaped, self._process) if p.poll() is None]
            self._process = None

    def close(self) -> None:
        self._kill()
        self._slots.close()
        os.close(self._memory)
