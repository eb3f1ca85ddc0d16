"""Making several artifacts: one after another, or some formats at a time in processes of their own.

A process of its own costs about 2.5 GB and the start of the libraries.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asmnet_edge.converters.calibration.crops import CalibrationSet
from asmnet_edge.converters.orders import Order
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.manifest import ArtifactManifest
from asmnet_edge.processes import spawning

SLOWEST_FIRST = ("openvino", "onnx", "tflite")
WATCH = 1.0  # seconds between looks whether the parent is still there


@dataclass(frozen=True)
class Job:
    """What all artifacts of a set have in common."""

    source: Path
    calibration: CalibrationSet
    folder: Path
    stem: str


@dataclass
class Made:
    """What became of one order: its manifest, or why it failed its check.

    seconds : spent in each step
    """

    order: Order
    path: Path
    manifest: ArtifactManifest | None = None
    failure: CheckFailedError | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - start


def make(order: Order, job: Job, graph: Any, watch: Callable[[str], Any] | None = None) -> Made:
    """Carry out ``order``; a check that fails is told in the result, other errors are raised.

    ``watch`` is called with the name of each step as it begins.
    """
    from asmnet_edge.converters.convert import convert

    made = Made(order, order.path(job.folder, job.stem))

    def step(name: str) -> Any:
        if watch:
            watch(name)
        return made.step(name)

    try:
        _, made.manifest = convert(order, graph, job.calibration, job.folder, job.stem, step)
    except CheckFailedError as error:
        made.failure = error
    return made


def make_at_once(orders: Sequence[Order], job: Job, jobs: int) -> Iterator[Made]:
    """Carry out ``orders`` with ``jobs`` processes, each format in one; as they are finished."""
    groups = [[o for o in orders if o.format == name] for name in SLOWEST_FIRST]
    with ProcessPoolExecutor(jobs, spawning(), _begin, (os.getpid(),)) as pool:
        waiting = [pool.submit(_make_group, group, job) for group in groups if group]
        try:
            for done in as_completed(waiting):
                yield from done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _begin(parent: int) -> None:
    """Quiet from the start, and gone when the parent is, however it went."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _make_group(orders: Sequence[Order], job: Job) -> list[Made]:
    from asmnet_edge.converters.graph import InferenceGraph
    from asmnet_edge.training.floatmodel import load_float_model

    graph = InferenceGraph(load_float_model(job.source))
    return [make(order, job, graph) for order in orders]
