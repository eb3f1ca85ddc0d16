"""This machine's processor: its cores, and its features for eight-bit arithmetic."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path

X86 = ("x86_64", "AMD64", "i686", "i386")
# feature as /proc/cpuinfo names it -> what it is
FEATURES = {
    "amx_int8": "AMX tiles of int8 products",
    "avx512_vnni": "VNNI dot products, 512 bits wide",
    "avx_vnni": "VNNI dot products, 256 bits wide",
    "i8mm": "int8 matrix products",
    "asimddp": "int8 dot products",
}
DOT_PRODUCTS = frozenset(FEATURES)


def usable_cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str] | None:
    """Return the CPU's features by their Linux names; None where the system has no such list."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return _flags(lines)


def _flags(lines: Iterable[str]) -> frozenset[str] | None:
    """Return the features of the first CPU: ``flags`` on x86, ``Features`` on ARM."""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return None


def is_x86(machine: str | None = None) -> bool:
    return (machine or platform.machine()) in X86


def is_arm(machine: str | None = None) -> bool:
    return (machine or platform.machine()).startswith(("aarch64", "arm"))
