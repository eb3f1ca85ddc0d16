"""This machine and its processes: package versions, CPU features, child processes, threads.

`opencv_threads` and `environment` restore what they set for the whole process. docs/settings.md
lists all process-wide settings, among them those that are not restored.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext


def installed_version(package: str) -> str:
    """Return the version of ``package`` or its -cpu variant; ``unknown`` if not installed."""
    from importlib import metadata  # slow to import

    for name in (package, f"{package}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    return "unknown"


# The processor: its cores, and its features for eight-bit arithmetic

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


# Threads of libraries

BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")


def sensible_threads(machine: str | None = None, cores: int | None = None) -> int:
    """Return the default number of threads: 1, or on ARM all cores but one, at most 4.

    The remaining core is for the camera. On faster cores, an inference of a few milliseconds gains
    little from more than one.
    """
    cores = usable_cores() if cores is None else cores
    return max(1, min(4, cores - 1)) if is_arm(machine) else 1


def limit_blas_threads() -> None:
    """Let NumPy's OpenBLAS use one thread unless the user chose; call it before importing NumPy.

    Threads that wait for each other cost more than they save in products as small as ours: drawing
    24 faces took 4.5 s of CPU time with two threads and 1.0 s with one. OpenBLAS reads these
    variables once, when it is loaded. Sums differ in the last digits between numbers of threads.
    """
    if not any(name in os.environ for name in BLAS_VARIABLES):
        os.environ[BLAS_VARIABLES[0]] = "1"


def set_keras_defaults() -> None:
    """Choose Keras' backend, TensorFlow, and few messages of it, where the user chose nothing."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def block_usage_reports() -> None:
    """Keep OpenVINO and NNCF from sending usage reports; call it before importing them.

    Importing OpenVINO reports to Google Analytics without asking, and so does each conversion. They
    do neither where its package ``openvino_telemetry`` cannot be imported. A
    program that imported that package before keeps it.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    os.environ.setdefault("NNCF_CI", "1")


@contextmanager
def opencv_threads(count: int | None) -> Iterator[None]:
    """Let OpenCV use ``count`` threads within the block; None leaves its setting alone."""
    if count is None:
        yield
        return
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


# Child processes and their environment

CHECK_SECONDS = 60  # that a program may take in `failure`


def our_python(*arguments: str) -> list[str]:
    """Return the command of a Python that runs ``arguments`` and imports nothing from its folder.

    With ``-m`` or ``-c`` alone, a ``resource.py`` there would be imported instead of Python's.
    """
    return [sys.executable, "-P", *arguments]


def failure(program: str) -> str:
    """Run a Python ``program`` in a child process; return why it fails, empty if it does not."""
    import subprocess  # here and not above: predict does without

    try:
        command = our_python("-c", program)
        done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it hung for {CHECK_SECONDS} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"it crashed (signal {-done.returncode})"
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the block, and restore their previous values."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def spawning() -> SpawnContext:
    """Return a context of `multiprocessing` that starts workers as `our_python` does.

    Multiprocessing starts workers with ``-c`` and cannot add ``-P``: ``PYTHONSAFEPATH`` is
    set instead while one is started. Workers then get this process's ``sys.path``.
    """
    from multiprocessing.context import SpawnContext, SpawnProcess  # slow to import
    from multiprocessing.resource_tracker import ensure_running

    def safe_process(*arguments: Any, **options: Any) -> SpawnProcess:
        process = SpawnProcess(*arguments, **options)
        process._Popen = _start_safely  # type: ignore[method-assign,assignment]
        return process

    context = SpawnContext()
    context.Process = safe_process  # type: ignore[misc,assignment]
    with environment(PYTHONSAFEPATH="1"):
        ensure_running()  # the other child of multiprocessing, which frees what workers leave
    return context


def _start_safely(process: Any) -> Any:
    from multiprocessing.context import SpawnProcess

    with environment(PYTHONSAFEPATH="1"):
        return SpawnProcess._Popen(process)
