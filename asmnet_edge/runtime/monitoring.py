"""Monitoring on a device: temperature and throttling of the board, and systemd's watchdog.

A Raspberry Pi reports throttling by a file of the firmware's driver or, without that, by
``vcgencmd get_throttled`` (bits as in its documentation).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

NOW = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
SINCE_START = 16  # each of these bits has a counterpart that many places up: since the start
DRIVER = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
ZONES = Path("/sys/class/thermal")
CHECK_EVERY = 10.0  # seconds between two reads of the firmware's flags
LOG_EVERY = 3600.0  # seconds between log lines about throttling, which may come and go


def celsius(zones: Path = ZONES) -> float | None:
    """Return degrees Celsius of the hottest thermal zone; None without any.

    A Raspberry Pi has one zone, its CPU's. A zone that reads 0 has no sensor.
    """
    found = [_degrees(zone) for zone in zones.glob("thermal_zone*/temp")]
    return max((degrees for degrees in found if degrees), default=None)


def _degrees(file: Path) -> float | None:
    try:
        return int(file.read_text()) / 1000
    except (OSError, ValueError):
        return None


def throttle_bits(driver: Path = DRIVER) -> int | None:
    """Return the firmware's flags; None on other boards."""
    try:
        return int(driver.read_text().strip(), 16)
    except (OSError, ValueError):
        pass
    import subprocess

    try:
        command = ["vcgencmd", "get_throttled"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
        return int(done.stdout.strip().partition("=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def throttling(bits: int | None = None) -> list[str]:
    """Return why the board is slowed down now; empty if it is not, or does not report it."""
    bits = throttle_bits() if bits is None else bits
    return [name for bit, name in NOW.items() if (bits or 0) >> bit & 1]


def throttled_before(bits: int | None = None) -> list[str]:
    """Return why the board has been slowed down at any time since it started."""
    bits = throttle_bits() if bits is None else bits
    return throttling((bits or 0) >> SINCE_START)


class ThrottlingMonitor:
    """Logs when the board starts to be throttled and when that ends, at most once an hour.

    log : called with one line
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log, self._checked = log, time.monotonic()
        self._throttled, self._quiet_until = False, -1e9

    def check(self, now: float) -> None:
        """Read the firmware's flags every `CHECK_EVERY` seconds; ``now`` : `time.monotonic`."""
        if now - self._checked < CHECK_EVERY:
            return
        self._checked = now
        reasons = throttling()
        if bool(reasons) != self._throttled and now >= self._quiet_until:
            self._throttled, self._quiet_until = bool(reasons), now + LOG_EVERY
            self._log(f"the board is slowed down: {', '.join(reasons)}" if reasons
                      else "the board runs at full speed again")  # fmt: skip


# Notifications to systemd without its library: one datagram each (man sd_notify)


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
