"""The machine: its sensors while it measures (load, frequency, heat, power), and its description.

Everything is read from Linux' system files; what a system does not report is None.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asmnet_edge.formats import all_runtimes
from asmnet_edge.io import system
from asmnet_edge.io.system import installed_version, usable_cores
from asmnet_edge.runtime import monitoring

CPUS = "/sys/devices/system/cpu"
LOW_BATTERY = 20  # per cent


@dataclass(frozen=True)
class Sensors:
    """Readings of the machine's sensors at one moment.

    busy, stolen : seconds of processor time since boot, over all cores: used by any process, and
    by the virtual machine's host; mhz : mean over the cores; celsius : the hottest zone
    throttled : the Raspberry Pi's flags
    """

    busy: float | None
    stolen: float | None
    mhz: float | None
    celsius: float | None
    throttled: int | None


@dataclass(frozen=True)
class PowerSupply:
    """Power supply of the machine.

    source : mains, battery, or None where the system does not report it; battery_percent : charge
    """

    source: str | None = None
    battery_percent: float | None = None


def read_sensors() -> Sensors:
    """Read the sensors now."""
    busy, stolen = _processor_seconds()
    return Sensors(busy, stolen, _mhz(), monitoring.celsius(), monitoring.throttle_bits())


def throttle_words(flags: int | None) -> list[str]:
    """Return in words what the Raspberry Pi's ``flags`` report as wrong *now*."""
    return monitoring.throttling(flags or 0)


def slowed_between(before: int | None, after: int | None) -> int | None:
    """Flags of what was wrong at either reading or, by the flags that stay set, in between."""
    if before is None or after is None:
        return before if after is None else after
    since = (after & ~before) >> monitoring.SINCE_START
    return (before | after | since) & sum(1 << bit for bit in monitoring.NOW)


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
    user, nice, kernel, _, _, irq, softirq, steal = (int(v) for v in line[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + kernel + irq + softirq) / tick, steal / tick


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


# Description of the machine

# features that decide how fast the arithmetic is; eight-bit ones are in `io.system`
FEATURES = (*("avx2", "avx512f", "amx_bf16", "neon", "asimd", "sve"), *system.FEATURES)
PACKAGES = ("numpy", "opencv-python-headless", "tensorflow", "keras")  # and those of runtimes


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """The machine: board and CPU by name, cores that may be used, features, memory, system.

    packages : versions of those that take part and are installed; None, or empty, where the system
    does not report it or a record is too old to have it
    """

    board: str | None = None
    cpu: str
    architecture: str | None = None
    cores: int
    features: tuple[str, ...] = ()
    governor: str | None = None
    max_mhz: float | None = None
    memory_mib: float | None = None
    system: str | None = None
    os: str | None = None
    python: str | None = None
    power: PowerSupply = field(default_factory=PowerSupply)
    packages: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the board where it has one, else of the CPU."""
        return self.board or self.cpu

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "features": list(self.features)}

    @classmethod
    def of_this_machine(cls) -> DeviceInfo:
        """Describe the machine that this runs on."""
        flags = system.features() or frozenset()
        max_khz = read_text(f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq")
        return cls(
            board=read_text("/proc/device-tree/model"),
            cpu=_cpu_name(),
            architecture=platform.machine(),
            cores=usable_cores(),
            features=tuple(sorted(flags & set(FEATURES))),
            governor=read_text(f"{CPUS}/cpu0/cpufreq/scaling_governor"),
            max_mhz=int(max_khz) / 1e3 if max_khz else None,
            memory_mib=_memory_mib(),
            system=f"{platform.system()} {platform.release()}",
            os=_os_name(),
            python=platform.python_version(),
            power=read_power(),
            packages=_versions(),
        )


def load_average() -> float | None:
    """Return the mean number of runnable processes in the last minute; None where unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def fastest_cpus(count: int) -> tuple[int, ...]:
    """Return the ``count`` fastest cores that may be used: the large ones of a mixed chip."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    order = sorted(os.sched_getaffinity(0), key=lambda number: (-_capacity(number), number))
    return tuple(sorted(order[:count]))


def _capacity(number: int) -> int:
    folder = f"{CPUS}/cpu{number}"
    text = read_text(f"{folder}/cpu_capacity") or read_text(f"{folder}/cpufreq/cpuinfo_max_freq")
    return int(text) if text and text.isdigit() else 0


def _cpu_name() -> str:
    lines = (read_text("/proc/cpuinfo") or "").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _os_name() -> str | None:
    lines = (read_text("/etc/os-release") or "").splitlines()
    names = [line.split("=", 1)[1].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else None


def _versions() -> dict[str, str]:
    names = (*PACKAGES[:2], *(runtime.package for runtime in all_runtimes()), *PACKAGES[2:])
    found = {name: installed_version(name) for name in names}
    return {name: version for name, version in found.items() if version != "unknown"}


def _memory_mib() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
