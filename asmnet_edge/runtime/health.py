"""How the board is: temperature, and whether it is slowed down.

A Raspberry Pi tells it by ``vcgencmd get_throttled`` (bits as in its documentation) and, without
that program, by a file of the firmware's driver.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

NOW = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
SINCE_START = 16  # each of these bits has a sister, so many places up: it has been so
DRIVER = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
ZONES = Path("/sys/class/thermal")


def celsius(zones: Path = ZONES) -> float | None:
    """Of the hottest thermal zone, a Raspberry Pi's only one is its CPU's; None without any.

    A zone that reads 0 has no sensor.
    """
    found = [_degrees(zone) for zone in zones.glob("thermal_zone*/temp")]
    return max((degrees for degrees in found if degrees), default=None)


def _degrees(file: Path) -> float | None:
    try:
        return int(file.read_text()) / 1000
    except (OSError, ValueError):
        return None


def throttle_bits(driver: Path = DRIVER) -> int | None:
    """The firmware's flags; None on other boards."""
    try:
        return int(driver.read_text().strip(), 16)
    except (OSError, ValueError):
        pass
    try:
        command = ["vcgencmd", "get_throttled"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)
        return int(done.stdout.strip().partition("=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def throttling(bits: int | None = None) -> list[str]:
    """Why the board is slowed down now; empty if it is not, or does not tell."""
    bits = throttle_bits() if bits is None else bits
    return [name for bit, name in NOW.items() if (bits or 0) >> bit & 1]


def throttled_before(bits: int | None = None) -> list[str]:
    """Why the board has been slowed down since it started."""
    bits = throttle_bits() if bits is None else bits
    return throttling((bits or 0) >> SINCE_START)
