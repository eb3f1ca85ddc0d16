"""Frames between a capture process and its parent: shared memory, and a pipe with messages.

Three slots take turns, so that the newest frame can be read while the next one is written. A slot's
number is 0 while it is written to; the reader checks it before and after.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from dataclasses import dataclass

import numpy as np

from asmnet_edge.errors import UsageError
from asmnet_edge.pictures import Picture

SLOTS = 3
HEAD = 4096  # bytes before the first slot: the slots' numbers, 8 bytes each
CAPACITY = 4096 * 2304 * 3  # bytes of a slot; only what is written to takes memory
FRAME, ERROR = b"FRAM", b"ERRO"
# kind, number, monotonic seconds, height, width, bytes written, text
MESSAGE = struct.Struct("<4sQdIII224s")


class BrokenMessageError(Exception):
    """What came out of the pipe or is in a slot is no frame; the message says why."""


@dataclass(frozen=True)
class Message:
    """A message: a frame is in slot ``number % SLOTS``, or the reason why none will come."""

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
