"""Child processes and process-wide settings.

What a library keeps once for the whole process, and what becomes of it:

* OpenCV's threads: `opencv_threads` sets and restores them.
* ``PYTHONSAFEPATH``: set only while `spawning` starts a worker, then restored.
* ``ONEDNN_MAX_CPU_ISA``: set only while OpenVINO compiles its first model, then restored; oneDNN
  has read it by then and keeps it for the process (`runtime.backends.openvino`).
* Denormals: the first ONNX Runtime session of a process (``session.set_denormal_as_zero``) makes
  the thread that opens it, and ONNX Runtime's own threads, treat them as zero from then on. That is
  not set back: the calling thread computes too, and would be up to 20 times as slow with them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext

CHECK_SECONDS = 60  # that a program may take in `failure`


def our_python(*words: str) -> list[str]:
    """Return the command of a Python that runs ``words`` and imports nothing from its folder.

    With ``-m`` or ``-c`` alone a ``resource.py`` that lies there would come before Python's own.
    """
    return [sys.executable, "-P", *words]


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
    """Set environment variables for the block, and restore what was there before."""
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


def spawning() -> SpawnContext:
    """Return a context of `multiprocessing` whose workers start anew, and like `our_python`.

    Multiprocessing starts workers with ``-c`` and cannot add ``-P``: ``PYTHONSAFEPATH`` stands for
    it while one is started. Workers are then given this process's ``sys.path``.
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
