"""Conversion of one float model to several artifacts: the engine of ``asmnet-edge convert``.

from asmnet_edge import convert

report = convert("asmnet68.keras", ConvertOptions(formats=("onnx",)), progress=print)
for result in report.results:
    print(result.path, result.manifest.parity["max_px"])
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import util
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from asmnet_edge.converters.batch import (
    Batch,
    JobResult,
    run_in_processes,
    run_job,
    worker_processes,
)
from asmnet_edge.converters.calibration.calibration_set import CHECKED, COUNT, CalibrationSet
from asmnet_edge.converters.calibration.sources import DRAWN, FaceSource
from asmnet_edge.converters.jobs import ConversionJob, jobs_for
from asmnet_edge.converters.staging import staging_directory
from asmnet_edge.datasets.sample import refuse
from asmnet_edge.errors import (
    CheckFailedError,
    DataError,
    NotAFaceError,
    UsageError,
    missing_package,
)
from asmnet_edge.formats import USUAL_PRECISIONS, FormatSpec, Precision, format_names
from asmnet_edge.io.files import SHIPPED_FLOAT, file_or_shipped, refuse_existing, shipped
from asmnet_edge.io.system import block_usage_reports, set_keras_defaults

if TYPE_CHECKING:  # these bring TensorFlow
    from asmnet_edge.converters.accuracy.mixed_precision import Planned
    from asmnet_edge.converters.accuracy.scores import Goal
    from asmnet_edge.training.float_model import FloatModel

JUDGED = 128  # faces to choose layers on and to verify them on, at most
Quiet = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class ConvertOptions:
    """Options of a conversion. `UsageError` from its constructor when they contradict each other.

    formats : names of formats, as `asmnet_edge.formats` has them; empty for all of them
    precisions : ``float32``, ``float16``, ``dynamic-int8``, ``int8``, ``int8-io``, or ``all`` for
    the first four; formats without one of them are left out
    output : folder for the artifacts
    data : faces to calibrate int8 on, as ``kind:argument``; faces : their number
    detector : how faces are found in ``pictures:DIR``, see `asmnet_edge.runtime.detector`;
    detector_model : file with its network, for those that need one
    not_in : data sets whose test faces must not be among them
    max_nme_drop, max_deviation : goal in %; blocks of int8 are kept in float until it is met
    processes : number of formats that are converted at a time; each takes 2.5 GB
    resume : keep artifacts that exist and would come out the same; overwrite : replace them
    """

    formats: tuple[str, ...] = ()
    precisions: tuple[str, ...] = (Precision.FLOAT32, Precision.INT8)
    output: Path = Path("artifacts")
    data: str = DRAWN
    faces: int = COUNT
    detector: str = "haar"
    detector_model: Path | None = None
    not_in: tuple[str, ...] = ()
    max_nme_drop: float | None = None
    max_deviation: float | None = None
    processes: int = 1
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise UsageError("--resume keeps what is there, --overwrite replaces it", "Give one")
        if self.processes < 1 or self.faces < 1:
            raise UsageError(
                f"expected 1 or more, got {self.processes} processes, {self.faces} faces"
            )
        if self.has_goal and not any(job.is_calibrated for job in self.jobs):
            raise UsageError("a goal is for int8 artifacts alone", "Give --precision int8")

    @property
    def jobs(self) -> list[ConversionJob]:
        """The artifacts to make."""
        words = [p for w in self.precisions for p in (USUAL_PRECISIONS if w == "all" else (w,))]
        return jobs_for(self.formats or format_names(), words)

    @property
    def has_goal(self) -> bool:
        """Whether a limit for the loss of accuracy is set."""
        return self.max_nme_drop is not None or self.max_deviation is not None

    @property
    def goal(self) -> Goal | None:
        """The limit for the loss of accuracy, if one is set."""
        from asmnet_edge.converters.accuracy.scores import Goal

        return Goal(self.max_nme_drop, self.max_deviation) if self.has_goal else None

    @property
    def source(self) -> FaceSource:
        """Source of the calibration faces."""
        return FaceSource(self.data, self.faces, self.detector, self.not_in, self.detector_model)


@dataclass(frozen=True)
class ConversionEvent:
    """One step of progress; ``str(event)`` is a line for people.

    kind : ``note``, ``started`` (a job), ``step`` (of it), ``finished`` (a job, with its result)
    number, total : of the job, counted from 1; step : ``export``, ``check`` or ``embed``
    """

    kind: str
    message: str
    number: int = 0
    total: int = 0
    step: str = ""
    result: JobResult | None = None

    def __str__(self) -> str:
        return self.message


Progress = Callable[[ConversionEvent], Any]


def ignore(event: ConversionEvent) -> None:
    """A `Progress` that does nothing."""


@dataclass(frozen=True)
class ConversionReport:
    """Results of a conversion, in the order of the jobs.

    source : file of the float model; planned : choice of layers kept in float for a goal, and its
    cost on faces that nothing was chosen on; judged : number of these faces
    """

    source: Path
    options: ConvertOptions
    results: tuple[JobResult, ...]
    planned: Planned | None = None
    judged: int = 0

    @property
    def paths(self) -> tuple[Path, ...]:
        """Paths of the artifacts that passed their check."""
        return tuple(result.path for result in self.results if not result.failure)

    @property
    def failures(self) -> Mapping[Path, CheckFailedError]:
        """Errors of the artifacts that failed their check and were not published, by path."""
        return {r.path: r.failure for r in self.results if r.failure}

    def check(self) -> None:
        """Raise `CheckFailedError` when an artifact failed its check, or one misses the goal."""
        failures = list(self.failures.values())
        if failures and len(self.results) == 1:
            raise failures[0]
        if failures:
            count = f"{len(failures)} of {len(self.results)} artifacts failed their check"
            raise CheckFailedError(count, "; ".join(map(str, failures)))
        self.check_goal()

    def check_goal(self) -> None:
        """Raise `CheckFailedError` when an artifact misses the goal on the faces to verify on."""
        from asmnet_edge.converters.accuracy.scores import check

        if self.planned and (goal := self.options.goal):
            check(goal, self.planned.verified, self.judged)


def convert(
    model: Path | str | None = None,
    options: ConvertOptions | None = None,
    progress: Progress = ignore,
) -> ConversionReport:
    """Convert a float model to artifacts; each is compared with it before it is published.

    model : a ``.keras`` file of asmnet-edge, or the name of a shipped one; None: the shipped
    ASMNet-68. progress : called with each `ConversionEvent`, such as ``print``

    Needs the extra ``convert``, and Keras on TensorFlow: ``KERAS_BACKEND`` is set to that, where it
    is not set. Raises `CheckFailedError` when an artifact fails its check or misses the goal (the
    others are published), `UsageError`, `ModelError`, `DataError` or `OutputExistsError` before
    any work is done.
    """
    report = Conversion(model, options or ConvertOptions(), progress).run()
    report.check()
    return report


class Conversion:
    """One run of `convert`, which reports failed checks instead of raising them.

    quiet : gives a context that is entered around the work of libraries, such as one that keeps
    their output off the terminal; progress is reported outside of it, but for the kind ``step``
    """

    def __init__(
        self,
        model: Path | str | None,
        options: ConvertOptions,
        progress: Progress = ignore,
        quiet: Quiet = nullcontext,
    ) -> None:
        self.source = file_or_shipped(Path(model)) if model else shipped(SHIPPED_FLOAT)
        self.options, self._report, self._quiet = options, progress, quiet
        self.jobs, self._faces, self._goal = options.jobs, options.source, options.goal

    def run(self) -> ConversionReport:
        """Make all artifacts; `AsmnetEdgeError` if the options cannot be carried out at all."""
        self._prepare()
        with self._workers() as self._pool:
            return self._run()

    @property
    def is_parallel(self) -> bool:
        """Whether several formats are converted at a time, in processes of their own.

        A plan needs all of them in one process.
        """
        return self._count > 1 and not self.options.has_goal

    @property
    def _count(self) -> int:
        return min(self.options.processes, len({job.format for job in self.jobs}))

    def _workers(self) -> AbstractContextManager[ProcessPoolExecutor | None]:
        if not self.is_parallel:
            return nullcontext()
        return worker_processes(self._count, packages_of([job.spec for job in self.jobs]))

    def _run(self) -> ConversionReport:
        with self._quiet():
            from asmnet_edge.training.float_model import load_float_model

            model = load_float_model(self.source)
        batch = Batch(self.source, self._calibrate(model), self.options.output, self.source.stem)
        planned_jobs = [job for job in self.jobs if self._is_planned(job)]
        jobs = [job for job in self.jobs if not self._is_planned(job)]
        results = {result.job: result for result in self._run_plain(jobs, batch, model)}
        planned, judged = self._run_planned(planned_jobs, batch, model)
        if planned:
            results |= dict(zip(planned_jobs, planned.results, strict=True))
        # a job without a result is a fault of ours and raises a KeyError: none is lost silently
        ordered = tuple(results[job] for job in self.jobs)
        return ConversionReport(self.source, self.options, ordered, planned, judged)

    def _is_planned(self, job: ConversionJob) -> bool:
        return bool(self._goal and job.is_calibrated)

    def _prepare(self) -> None:
        """Fail early: on missing packages, existing outputs, a folder that cannot be written to."""
        with self._quiet():
            import_packages([job.spec for job in self.jobs], only_check=self.is_parallel)
        # the layers that a plan keeps in float are known at its end, so --resume keeps none of it
        new = [job for job in self.jobs if not self.options.resume or self._is_planned(job)]
        output, stem = self.options.output, self.source.stem
        refuse_existing([f for j in new for f in j.files(output, stem)], self.options.overwrite)
        with staging_directory(output):
            pass

    def _note(self, message: str) -> None:
        self._report(ConversionEvent("note", message))

    def _calibrate(self, model: FloatModel) -> CalibrationSet:
        """Read the calibration faces; float artifacts are only checked on a few."""
        faces = self._faces
        if not any(job.is_calibrated for job in self.jobs):
            faces = replace(faces, count=CHECKED)
        elif faces.words == DRAWN:
            self._note("Calibrating int8 on drawn faces; with real ones (--data) it loses less.")
        broken, start = _Skipped(), perf_counter()
        with self._quiet():
            found = faces.calibration(model, broken if faces.is_unlabelled else refuse, iter)
        for line in broken.lines():
            self._note(line)
        seconds = perf_counter() - start
        self._note(f"{len(found.crops)} faces of {found.source} ... {seconds:.1f} s")
        return found

    def _run_plain(
        self, jobs: Sequence[ConversionJob], batch: Batch, model: FloatModel
    ) -> list[JobResult]:
        kept = self._existing(jobs, batch, model) if self.options.resume else []
        existing = {result.job for result in kept}
        left = [job for job in jobs if job not in existing]
        if self._pool and left:
            return [*kept, *self._in_parallel(left, batch, self._pool)]
        return [*kept, *self._in_turn(left, batch, model)]

    def _existing(
        self, jobs: Sequence[ConversionJob], batch: Batch, model: FloatModel
    ) -> list[JobResult]:
        from asmnet_edge.converters.artifact import existing_manifest

        kept = []
        for job in jobs:
            with self._quiet():
                manifest = existing_manifest(
                    job, batch.folder, batch.stem, model.source_sha256, batch.calibration
                )
            if manifest:
                kept.append(JobResult(job, job.path(batch.folder, batch.stem), manifest))
        self._note(f"kept: {', '.join(result.path.name for result in kept) or 'nothing'}")
        return kept

    def _in_turn(
        self, jobs: Sequence[ConversionJob], batch: Batch, model: FloatModel
    ) -> Iterator[JobResult]:
        from asmnet_edge.converters.graph import InferenceGraph

        graph, total = InferenceGraph(model), len(jobs)
        for number, job in enumerate(jobs, start=1):
            head = f"[{number}/{total}] {job.format} {job.precision}"
            self._report(ConversionEvent("started", head, number, total))

            def step(name: str, head: str = head, number: int = number) -> None:
                self._report(ConversionEvent("step", f"{head}: {name}", number, total, name))

            with self._quiet():
                result = run_job(job, batch, graph, step)
            self._finished(result, number, total)
            yield result

    def _in_parallel(
        self, jobs: Sequence[ConversionJob], batch: Batch, pool: ProcessPoolExecutor
    ) -> Iterator[JobResult]:
        results = run_in_processes(jobs, batch, pool)
        for number, result in enumerate(results, start=1):
            self._finished(result, number, len(jobs))
            yield result

    def _finished(self, result: JobResult, number: int, total: int) -> None:
        steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items())
        head = f"[{number}/{total}] {result.job.format} {result.job.precision}"
        message = f"{head} ... {'failed its check; ' if result.failure else ''}{steps}"
        self._report(ConversionEvent("finished", message, number, total, result=result))

    def _run_planned(
        self, jobs: Sequence[ConversionJob], batch: Batch, model: FloatModel
    ) -> tuple[Planned | None, int]:
        """Carry out int8 jobs so that they keep the goal; also the number of faces verified on."""
        if not self._goal:
            return None, 0
        from asmnet_edge.converters.accuracy.mixed_precision import convert_by_plan
        from asmnet_edge.converters.accuracy.scores import faces_to_judge
        from asmnet_edge.converters.graph import InferenceGraph

        people = self._faces
        with self._quiet():
            dataset, percent = people.dataset(model), people.held_out_percent(model)
            faces = faces_to_judge(
                dataset, model.crop, model.scheme, JUDGED, percent, people.on_broken_again
            )
        self._goal.check_faces(faces[0])
        self._note(f"planning on {len(faces[0])} faces, to be verified on {len(faces[1])} others")
        start = perf_counter()

        def report(text: str) -> None:
            self._report(ConversionEvent("step", f"{perf_counter() - start:6.0f} s  {text}"))

        with self._quiet():
            planned = convert_by_plan(jobs, batch, InferenceGraph(model), faces, self._goal, report)
        return planned, len(faces[1])


@dataclass
class _Skipped:
    """Errors of faces that were left out: broken ones, and pictures without a face."""

    broken: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def __call__(self, error: DataError) -> None:
        (self.others if isinstance(error, NotAFaceError) else self.broken).append(str(error))

    def lines(self) -> Iterator[str]:
        others = [line for line in dict.fromkeys(self.others) if line not in self.broken]
        yield from (f"left out: {line}" for line in (*others, *self.broken))
        if count := len(self.broken):
            yield f"{count} broken face{'' if count == 1 else 's'} left out"


def import_packages(specs: Sequence[FormatSpec], only_check: bool = False) -> None:
    """Import the packages of the exporters of ``specs``, or ``only_check`` that they are installed.

    `MissingExtraError` with the command that installs a missing package, before any work is done.
    """
    set_keras_defaults()
    block_usage_reports()
    cures = {module: spec.cure for spec in reversed(specs) for module in spec.packages}
    for module in packages_of(specs):
        with missing_package(module, cures[module]):
            _find(module) if only_check else importlib.import_module(module)


def packages_of(specs: Sequence[FormatSpec]) -> tuple[str, ...]:
    """Return the modules that the exporters of ``specs`` import, each once."""
    return tuple(dict.fromkeys(module for spec in specs for module in spec.packages))


def _find(module: str) -> None:
    name = module.partition(".")[0]
    if util.find_spec(name) is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
