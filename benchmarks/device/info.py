"""What machine this is: as much of it as a reader of the numbers wants to know."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass, field
from typing import Any

from asmnet_edge import cpu
from asmnet_edge.benchmarks.device.sensors import CPUS, power, read_text
from asmnet_edge.formats import all_runtimes
from asmnet_edge.versions import installed_version

# features that decide how fast the arithmetic is; eight-bit ones are named in `asmnet_edge.cpu`
FEATURES = (*("avx2", "avx512f", "amx_bf16", "neon", "asimd", "sve"), *cpu.FEATURES)
PACKAGES = ("numpy", "opencv-python-headless", "tensorflow", "keras")  # and those of runtimes


@dataclass(frozen=True)
class DeviceInfo:
    """The machine: board and CPU by name, cores that may be used, features, memory, system.

    power : ``source`` (mains, battery) and ``battery_percent``; packages : versions of what is
    installed and takes part; None where the system does not tell
    """

    board: str | None
    cpu: str
    architecture: str
    cores: int
    features: tuple[str, ...]
    governor: str | None
    max_mhz: float | None
    memory_mib: int | None
    system: str
    os: str | None
    python: str
    power: dict[str, Any] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "features": list(self.features)}

    @classmethod
    def of_this_machine(cls) -> DeviceInfo:
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
            power=power(),
            packages=_versions(),
        )


def load_average() -> float | None:
    """Processes that wanted to run, over the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def fastest_cpus(count: int) -> tuple[int, ...]:
    """Numbers of the ``count`` quickest cores that may be used: the large ones of a mixed chip."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    order = sorted(os.sched_getaffinity(0), key=lambda number: (-_capacity(number), number))
    return tuple(sorted(order[:count]))


def _capacity(number: int) -> int:
    folder = f"{CPUS}/cpu{number}"
    told = _text(f"{folder}/cpu_capacity") or _text(f"{folder}/cpufreq/cpuinfo_max_freq")
    return int(told) if told and told.isdigit() else 0


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
