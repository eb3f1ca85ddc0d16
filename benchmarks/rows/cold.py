"""Cold start and memory as a user feels them: a fresh process from nothing to the first landmark.

The files are in the system's cache after the first time, as on a device that runs it daily.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX, RowOrder
from asmnet_edge.errors import ModelError
from asmnet_edge.processes import our_python

PATIENCE = 600.0  # seconds until a process that gives no landmark is ended
PARTS = ("python_ms", "import_ms", "load_ms", "first_ms", "total_ms")


def cold_start(order: RowOrder, times: int) -> dict[str, Any]:
    """Median milliseconds of each part, the peak of memory, and what must be installed for it."""
    runs = [_once(order, last=number == times - 1) for number in range(times)]
    return {
        **{part: float(np.median([run[part] for run in runs])) for part in PARTS},
        "peak_rss_mib": _median([run["peak_rss_mib"] for run in runs]),
        "samples": [{part: round(run[part], 3) for part in PARTS} for run in runs],
        "installed_bytes": runs[-1]["installed_bytes"],
        "packages": runs[-1]["packages"],
    }


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def cold_starts_of(order: RowOrder, times: int) -> int:
    """TensorFlow takes so long to start that once must do."""
    return min(times, 1) if order.path.suffix == FLOAT_SUFFIX else times


def _once(order: RowOrder, last: bool) -> dict[str, Any]:
    told = {
        "path": str(order.path),
        "threads": order.threads,
        "runtime": order.runtime,
        "cpus": order.cpus,
        "sizes": last,
        "started": time.monotonic(),
    }
    command = our_python("-m", "asmnet_edge.benchmarks.rows.coldchild", json.dumps(told))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{order.key} did not start within {PATIENCE:.0f} s") from error
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ModelError(f"{order.key} did not start: {last_line}")
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content
