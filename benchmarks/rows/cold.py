"""Cold start and memory: a fresh process from its start to the first landmark.

The files are in the system's cache after the first time, as on a device that runs it daily.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.record_types import ColdStart
from asmnet_edge.benchmarks.rows.order import Case
from asmnet_edge.errors import ModelError
from asmnet_edge.processes import our_python

START_TIMEOUT = 600.0  # seconds until a process that gives no landmark is ended
PARTS = ("python_ms", "import_ms", "load_ms", "first_ms", "total_ms")


def cold_start(case: Case, times: int) -> ColdStart:
    """Start ``case`` in fresh processes: median ms of each part, peak memory, packages used."""
    runs = [_start(case, last=number == times - 1) for number in range(times)]
    return ColdStart(
        **{part: float(np.median([run[part] for run in runs])) for part in PARTS},
        peak_rss_mib=_median([run["peak_rss_mib"] for run in runs]),
        samples=tuple({part: round(run[part], 3) for part in PARTS} for run in runs),
        installed_bytes=runs[-1]["installed_bytes"],
        packages=runs[-1]["packages"],
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def cold_starts_of(case: Case, times: int) -> int:
    """Number of cold starts of ``case``; TensorFlow takes so long to start that one must do."""
    return min(times, 1) if case.is_float_model else times


def _start(case: Case, last: bool) -> dict[str, Any]:
    question = {
        "path": str(case.path),
        "threads": case.threads,
        "runtime": case.runtime,
        "cpus": case.cpus,
        "sizes": last,
        "started": time.monotonic(),
    }
    command = our_python("-m", "asmnet_edge.benchmarks.rows.coldchild", json.dumps(question))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{case.key} did not start within {START_TIMEOUT:.0f} s") from error
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or ["no error output"])[-1]
        raise ModelError(f"{case.key} did not start: {last_line}")
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content
