"""Description of the machine, as much of it as a reader of the numbers wants to know."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from asmnet_edge import cpu
from asmnet_edge.benchmarks.device.sensors import CPUS, PowerSupply, read_power, read_text
from asmnet_edge.formats import all_runtimes
from asmnet_edge.versions import installed_version

# features that decide how fast the arithmetic is; eight-bit ones are named in `asmnet_edge.cpu`
FEATURES = (*("avx2", "avx512f", "amx_bf16", "neon", "asimd", "sve"), *cpu.FEATURES)
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
        flags = cpu.features() or frozenset()
        max_khz = _text(f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq")
        return cls(
            board=_text("/proc/device-tree/model"),
            cpu=_cpu_name(),
            architecture=platform.machine(),
            cores=cpu.usable_cores(),
            features=tuple(sorted(flags & set(FEATURES))),
            governor=_text(f"{CPUS}/cpu0/cpufreq/scaling_governor"),
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
    text = _text(f"{folder}/cpu_capacity") or _text(f"{folder}/cpufreq/cpuinfo_max_freq")
    return int(text) if text and text.isdigit() else 0


def _cpu_name() -> str:
    lines = (_text("/proc/cpuinfo") or "").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _os_name() -> str | None:
    lines = (_text("/etc/os-release") or "").splitlines()
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


def _text(path: str) -> str | None:
    return read_text(path)
