"""Transport of frames from a capture process to its parent: shared memory, and a pipe of messages.

Three slots take turns, so that the newest frame can be read while the next one is written. A slot's
number is 0 while it is written to; the reader checks it before and after.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from asmnet_edge.errors import UsageError
from asmnet_edge.io.images import Picture

SLOTS = 3
HEAD = 4096  # bytes before the first slot: the slots' numbers, 8 bytes each
CAPACITY = 4096 * 2304 * 3  # bytes of a slot; only what is written to takes memory
FRAME, ERROR = b"FRAM", b"ERRO"
# kind, number, monotonic seconds, height, width, bytes written, text
MESSAGE = struct.Struct("<4sQdIII224s")


class BrokenMessageError(Exception):
    """Raised for data in the pipe or in a slot that is no frame; the message states why."""


@dataclass(frozen=True)
class Message:
    """A message: a frame is in slot ``number % SLOTS``, or the reason why there will be none."""

    kind: bytes
    number: int
    seconds: float
    height: int
    width: int
    size: int
    text: str = ""

    def packed(self) -> bytes:
        text = self.text.encode()[: MESSAGE.size - 32]
        numbers = self.number, self.seconds, self.height, self.width, self.size
        return MESSAGE.pack(self.kind, *numbers, text)

    @classmethod
    def unpacked(cls, content: bytes) -> Message:
        """Unpack ``content``, MESSAGE.size bytes; `BrokenMessageError` if it is no message."""
        kind, number, seconds, height, width, size, text = MESSAGE.unpack(content)
        if kind not in (FRAME, ERROR):
            raise BrokenMessageError("it sent what is no frame")
        line = text.rstrip(b"\0").decode(errors="replace")
        return cls(kind, number, seconds, height, width, size, line)


def memory_file() -> int:
    """Return a descriptor of memory for all slots, which a child process can inherit."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("asmnet-edge-frames")
    else:  # no Linux
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, HEAD + SLOTS * CAPACITY)
    return descriptor


class Slots:
    """The slots in the shared memory behind a descriptor."""

    def __init__(self, descriptor: int) -> None:
        try:
            self._map = mmap.mmap(descriptor, HEAD + SLOTS * CAPACITY)
        except (OSError, ValueError) as error:
            raise UsageError(f"descriptor {descriptor} is no memory for frames") from error
        self._bytes = np.frombuffer(self._map, np.uint8)
        self._numbers = np.frombuffer(self._map, np.uint64, SLOTS)

    def write(self, number: int, picture: Picture) -> None:
        """Write ``picture`` (H, W, 3) into the slot of ``number``, from 1."""
        slot, size = number % SLOTS, picture.size
        if size > CAPACITY:
            raise UsageError(f"a frame of {picture.shape} is too large: {CAPACITY:,} bytes at most")
        self._numbers[slot] = 0
        self._place(slot, size).reshape(picture.shape)[...] = picture
        self._numbers[slot] = number

    def read(self, message: Message, out: Picture | None) -> Picture | None:
        """Copy the frame (h, w, 3), into ``out`` if it fits; None if it was overwritten.

        `BrokenMessageError` if the message contradicts itself.
        """
        shape = (message.height, message.width, 3)
        size = message.height * message.width * 3
        if not 0 < size <= CAPACITY:
            raise BrokenMessageError(f"it sent a frame of {message.width}x{message.height} pixels")
        if message.size != size:
            raise BrokenMessageError("it sent a frame that was cut off")
        if self._numbers[message.number % SLOTS] != message.number:
            return None
        picture = out if out is not None and out.shape == shape else np.empty(shape, np.uint8)
        picture[...] = self._place(message.number % SLOTS, size).reshape(shape)
        return picture if self._numbers[message.number % SLOTS] == message.number else None

    def _place(self, slot: int, size: int) -> Picture:
        start = HEAD + slot * CAPACITY
        return self._bytes[start : start + size]

    def close(self) -> None:
        del self._bytes, self._numbers
        self._map.close()


# Images as a camera delivers them, and when they were taken

SANE = 0.5  # greatest age of the first frame, in seconds, if its clock is ours; half of `stale`
LATEST = 30.0  # seconds of age from which on a stamp is taken for wrong

CaptureMode = tuple[int, int, int]  # width, height, frames per second; 0 for the default


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


# A capture process from its parent's side: its messages, its error output and its end

TAIL = 2000  # bytes kept of its error output
AT_ONCE = 64  # reads in a row of a pipe that is filled as fast as it is emptied


class CaptureProcess:
    """Runs ``command`` with the descriptors of memory and pipe as its first two arguments.

    arguments : of the command, after those; dropped : messages that newer ones overtook
    """

    def __init__(self, command: Sequence[str], arguments: Sequence[str], memory: int) -> None:
        (self.pipe, writing), (self._errors, error_end) = os.pipe(), os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, str(memory), str(writing), *arguments], pass_fds=(memory, writing),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=error_end,
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            self._close()
            raise
        finally:
            # a child that prints more than is read loses some of it, and is never blocked
            os.set_blocking(error_end, False)
            for descriptor in (writing, error_end):
                os.close(descriptor)
        for descriptor in (self.pipe, self._errors):
            os.set_blocking(descriptor, False)
        self._pending, self._tail, self.dropped = b"", b"", 0

    def newest(self, seconds: float) -> Message | None:
        """Return the newest message, waiting at most ``seconds`` for one; else None.

        `BrokenMessageError` if the process reports an error or has ended.
        """
        there = select.select([self.pipe], [], [], seconds)[0]
        self._tail = (self._tail + _read(self._errors))[-TAIL:]
        self._pending += _read(self.pipe) if there else b""
        message = self._unpacked()
        if message is None and self.process.poll() is not None:
            raise BrokenMessageError(self._end())
        return message

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

    def _end(self) -> str:
        """Describe how it ended, with the last line of its error output."""
        code = self.process.returncode
        with suppress(ValueError):
            code = signal.Signals(-code).name
        tail = self._tail + _read(self._errors)
        lines = tail.decode(errors="replace").strip().splitlines()
        return f"its process ended ({code})" + (f": {lines[-1].strip()[:200]}" if lines else "")

    def end(self) -> bool:
        """Kill it; return False if it does not end, as when it hangs in a driver."""
        self._close()
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)
        return self.process.poll() is not None

    def _close(self) -> None:
        for descriptor in (self.pipe, self._errors):
            with suppress(OSError):
                os.close(descriptor)


def _read(descriptor: int) -> bytes:
    """Read what is in a non-blocking pipe."""
    content = b""
    with suppress(BlockingIOError):
        for _ in range(AT_ONCE):
            content += (part := os.read(descriptor, 64 * MESSAGE.size))
            if not part:
                break
    return content
