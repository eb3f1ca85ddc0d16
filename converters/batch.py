"""Batches of conversion jobs: run in this process, or several formats at a time in others.

Each process costs about 2.5 GB and the import of the libraries.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.jobs import ConversionJob
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.formats import format_named
from asmnet_edge.io.manifest import ArtifactManifest
from asmnet_edge.io.system import block_usage_reports, spawning

if TYPE_CHECKING:  # it brings TensorFlow
    from asmnet_edge.converters.graph import InferenceGraph

PARENT_CHECK_SECONDS = 1.0  # between checks whether the parent process still exists


@dataclass(frozen=True)
class Batch:
    """Inputs that all jobs of a batch share.

    source : file of the float model; folder : of the artifacts; stem : that their names begin with
    """

    source: Path
    calibration: CalibrationSet
    folder: Path
    stem: str


@dataclass
class JobResult:
    """Result of one job: the manifest of its artifact, or why that failed its check.

    path : of the artifact; seconds : spent in each step, empty for an artifact that was kept
    """

    job: ConversionJob
    path: Path
    manifest: ArtifactManifest | None = None
    failure: CheckFailedError | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note the seconds that the block takes as those of ``step``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = time.perf_counter() - start


def run_job(
    job: ConversionJob,
    batch: Batch,
    graph: InferenceGraph,
    on_step: Callable[[str], Any] | None = None,
) -> JobResult:
    """Carry out ``job``. A failed check is part of the result; other errors are raised.

    on_step : called with the name of each step as it begins
    """
    from asmnet_edge.converters.artifact import convert_artifact

    result = JobResult(job, job.path(batch.folder, batch.stem))

    def step(name: str) -> Any:
        if on_step:
            on_step(name)
        return result.timed(name)

    try:
        _, result.manifest = convert_artifact(
            job, graph, batch.calibration, batch.folder, batch.stem, step
        )
    except CheckFailedError as error:
        result.failure = error
    return result


@contextmanager
def worker_processes(count: int, packages: Sequence[str]) -> Iterator[ProcessPoolExecutor]:
    """Start ``count`` processes that import ``packages`` while the caller prepares their work."""
    pool = ProcessPoolExecutor(count, spawning(), _begin, (os.getpid(), tuple(packages)))
    try:
        pool.submit(int)  # a pool starts its processes with its first task
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def run_in_processes(
    jobs: Sequence[ConversionJob], batch: Batch, pool: ProcessPoolExecutor
) -> Iterator[JobResult]:
    """Carry out ``jobs`` in the processes of ``pool``, each format in one; yield results at once.

    pool : see `worker_processes`
    """
    waiting = [pool.submit(_run_group, group, batch) for group in by_format(jobs)]
    for done in as_completed(waiting):
        yield from done.result()


def by_format(jobs: Sequence[ConversionJob]) -> list[list[ConversionJob]]:
    """Group ``jobs`` by their format, the slowest format first. Every job is in one group."""
    groups: dict[str, list[ConversionJob]] = {}
    for job in jobs:
        groups.setdefault(job.format, []).append(job)
    return [groups[name] for name in sorted(groups, key=lambda name: -format_named(name).cost)]


def _begin(parent: int, packages: Sequence[str]) -> None:
    """Silence this process, import ``packages``, and end it as soon as the parent is gone."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    block_usage_reports()
    with suppress(Exception):  # a job that needs the package raises it again
        for package in packages:
            import_module(package)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


def _run_group(jobs: Sequence[ConversionJob], batch: Batch) -> list[JobResult]:
    from asmnet_edge.converters.graph import InferenceGraph
    from asmnet_edge.training.float_model import load_float_model

    graph = InferenceGraph(load_float_model(batch.source))
    return [run_job(job, batch, graph) for job in jobs]
