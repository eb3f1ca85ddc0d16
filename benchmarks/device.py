"""What machine this is: as much of it as a reader of the numbers wants to know."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# features that decide whether eight-bit arithmetic is fast
FEATURES = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "amx_bf16"),
    *("neon", "asimd", "asimddp", "i8mm", "sve"),
)


@dataclass(frozen=True)
class DeviceInfo:
    """The machine: board and CPU by name, cores that may be used, features, memory, system."""

    board: str | None
    cpu: str
    architecture: str
    cores: int
    features: tuple[str, ...]
    governor: str | None
    memory_mib: int | None
    system: str
    python: str

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "features": list(self.features)}

    @classmethod
    def of_this_machine(cls) -> DeviceInfo:
        cpu = _cpuinfo()
        flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
        return cls(
            board=_text("/proc/device-tree/model"),
            cpu=cpu.get("model name") or platform.processor() or "unknown",
            architecture=platform.machine(),
            cores=_usable_cores(),
            features=tuple(feature for feature in FEATURES if feature in flags),
            governor=_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            memory_mib=_memory_mib(),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
        )


def load_average() -> float | None:
    """Processes that wanted to run, over the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpuinfo() -> dict[str, str]:
    lines = (_text("/proc/cpuinfo") or "").splitlines()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    return {key.strip(): value.strip() for key, value in reversed(pairs)}


def _memory_mib() -> int | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\0\n")
    except OSError:
        return None
