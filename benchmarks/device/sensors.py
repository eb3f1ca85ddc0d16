"""State of the machine: load of other processes, frequency, temperature, throttling, power.

Everything is read from Linux' system files; what a system does not report is None.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asmnet_edge.runtime import health

CPUS = "/sys/devices/system/cpu"
LOW_BATTERY = 20  # per cent


@dataclass(frozen=True)
class Sensors:
    """One reading of the machine's sensors.

    busy, stolen : seconds of processor time since boot, over all cores: used by any process, and
    taken by the virtual machine's host; mhz : mean over the cores; celsius : the hottest zone
    throttled : the Raspberry Pi's flags
    """

    busy: float | None
    stolen: float | None
    mhz: float | None
    celsius: float | None
    throttled: int | None


@dataclass(frozen=True)
class PowerSupply:
    """source : mains, battery, or None where the system does not report it; battery_percent : its
    charge
    """

    source: str | None = None
    battery_percent: float | None = None


def read_sensors() -> Sensors:
    """Read the sensors now."""
    busy, stolen = _processor_seconds()
    return Sensors(busy, stolen, _mhz(), health.celsius(), health.throttle_bits())


def throttle_words(flags: int | None) -> list[str]:
    """Return in words what the Raspberry Pi's ``flags`` report as wrong *now*."""
    return health.throttling(flags or 0)


def slowed_between(before: int | None, after: int | None) -> int | None:
    """Flags of what was wrong at either reading or, by the flags that stay set, in between."""
    if before is None or after is None:
        return before if after is None else after
    since = (after & ~before) >> health.SINCE_START
    return (before | after | since) & sum(1 << bit for bit in health.NOW)


def read_power() -> PowerSupply:
    """Return whether the machine runs on mains or battery, and the battery's charge in %.

    A battery of scope ``Device`` is that of a mouse or the like.
    """
    every = [_supply(path) for path in _glob("/sys/class/power_supply", "*")]
    supplies = [supply for supply in every if supply["scope"] != "Device"]
    charges = [s["capacity"] for s in supplies if s["type"] == "Battery" and s["capacity"]]
    online = [s["online"] == "1" for s in supplies if s["type"] in ("Mains", "USB")]
    source = "mains" if any(online) else "battery" if charges else None
    return PowerSupply(source, int(charges[0]) if charges else None)


def read_text(path: str | Path) -> str | None:
    """Text of a system file without the NUL or newline at its end; None where it is missing."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\0\n")
    except (OSError, ValueError):
        return None


def _supply(path: Path) -> dict[str, str | None]:
    return {name: read_text(path / name) for name in ("type", "online", "capacity", "scope")}


def _processor_seconds() -> tuple[float | None, float | None]:
    line = (read_text("/proc/stat") or "").split("\n", 1)[0].split()
    if len(line) < 9 or line[0] != "cpu":
        return None, None
    user, nice, system, _, _, irq, softirq, steal = (int(v) for v in line[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def _mhz() -> float | None:
    khz = [_number(path) for path in _glob(CPUS, "cpu[0-9]*/cpufreq/scaling_cur_freq")]
    if found := [value / 1e3 for value in khz if value]:
        return sum(found) / len(found)
    lines = (read_text("/proc/cpuinfo") or "").splitlines()
    values = [float(line.split(":")[1]) for line in lines if line.startswith("cpu MHz")]
    return sum(values) / len(values) if values else None


def _number(path: Path) -> float | None:
    try:
        return float(read_text(path) or "")
    except ValueError:
        return None


def _glob(folder: str, pattern: str) -> Iterator[Path]:
    return iter(sorted(Path(folder).glob(pattern)))
