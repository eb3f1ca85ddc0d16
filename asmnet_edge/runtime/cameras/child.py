"""A capture process from its parent's side: its messages, its error output and its end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from asmnet_edge.runtime.cameras.slots import ERROR, MESSAGE, BrokenMessageError, Message

TAIL = 2000  # bytes kept of its error output
AT_ONCE = 64  # reads in a row of a pipe that is filled as fast as it is emptied


class CaptureProcess:
    """Runs ``command`` with the descriptors of memory and pipe as its first two arguments.

    words : further arguments; dropped : messages that newer ones overtook
    """

    def __init__(self, command: Sequence[str], words: Sequence[str], memory: int) -> None:
        (self.pipe, writing), (self._errors, error_end) = os.pipe(), os.pipe()
        try:
            self.process = subprocess.Popen(
                [*command, str(memory), str(writing), *words], pass_fds=(memory, writing),
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
