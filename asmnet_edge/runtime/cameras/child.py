"""One capture process, seen from outside: what it sends, what it complains of, how it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from asmnet_edge.runtime.cameras.slots import ERROR, MESSAGE, BrokenMessageError, Message

TAIL = 2000  # bytes that are kept of what it complains of
AT_ONCE = 64  # reads in a row, of a pipe that is filled as quickly as it is emptied


class CaptureProcess:
    """Runs ``command``, whose first two words after it will be the descriptors of memory and pipe.

    dropped : messages that newer ones overtook
    """

    def __init__(self, command: Sequence[str], words: Sequence[str], memory: int) -> None:
        (self.pipe, writing), (self._errors, complaining) = os.pipe(), os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, str(memory), str(writing), *words], pass_fds=(memory, writing),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaining,
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            self._close()
            raise
        finally:
            # the ends that wait for nobody: who complains much loses some of it, and never stops
            os.set_blocking(complaining, False)
            for descriptor in (writing, complaining):
                os.close(descriptor)
        for descriptor in (self.pipe, self._errors):
            os.set_blocking(descriptor, False)
        self._pending, self._tail, self.dropped = b"", b"", 0

    def newest(self, seconds: float) -> Message | None:
        """The last message that came, waiting at most that long for one.

        `BrokenMessageError` if it says that there will be no frames, or has ended.
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
        """How it ended, with the last line of its complaints."""
        code = self.process.returncode
        with suppress(ValueError):
            code = signal.Signals(-code).name
        tail = self._tail + _read(self._errors)
        lines = tail.decode(errors="replace").strip().splitlines()
        return f"its process ended ({code})" + (f": {lines[-1].strip()[:200]}" if lines else "")

    def end(self) -> bool:
        """Kill it; False if it does not end, as one that hangs in its driver."""
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
    """What lies in a pipe that does not block."""
    content = b""
    with suppress(BlockingIOError):
        for _ in range(AT_ONCE):
            content += (part := os.read(descriptor, 64 * MESSAGE.size))
            if not part:
                break
    return content
