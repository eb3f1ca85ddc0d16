"""Notifications to systemd without its library: one datagram each (man sd_notify)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Watchdog:
    """Notifies systemd that the loop runs; without systemd it does nothing.

    Call `alive` only from the loop that does the work: a separate thread would go on pinging when
    the loop hangs.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):  # Linux' abstract names
            self._address = "\0" + self._address[1:]
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        micros = environment.get("WATCHDOG_USEC", "")
        self._pause = int(micros) / 2e6 if ours and micros.isdigit() else None
        self._next = 0.0

    def ready(self, status: str = "") -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """Send a ping once half of systemd's time limit has passed."""
        now = time.monotonic()
        if self._pause is not None and now >= self._next:
            self._next = now + self._pause
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(1.0)
            out.sendto(message.encode(), self._address)
