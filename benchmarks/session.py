"""A benchmark run: `run_benchmark` measures phase by phase and returns the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from asmnet_edge.benchmarks.accuracy import Portraits
from asmnet_edge.benchmarks.cases import (
    DRAWN_FACES,
    BenchmarkOptions,
    BenchmarkPlan,
    subset_of,
)
from asmnet_edge.benchmarks.evaluation_faces import (
    EvaluationFaces,
    FaceSource,
    Outputs,
    faces_settings,
    source_of,
)
from asmnet_edge.benchmarks.latency_statistics import power_warning
from asmnet_edge.benchmarks.phases import (
    PHASES,
    MeasuredCase,
    Progress,
    is_compared,
    no_progress,
    opened,
    reference_of,
)
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import FaceSettings, Portrait, RunSettings
from asmnet_edge.benchmarks.timing_loop import failure
from asmnet_edge.benchmarks.worker import workers
from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.errors import UsageError

SAVE_EVERY = 30.0  # seconds, so that even a killed run leaves most of what it measured
SELDOM = 50  # times as long as saving takes, so that it takes 2 % of the time at most
Save = Callable[[BenchmarkRecord], None]


def run_benchmark(
    options: BenchmarkOptions,
    progress: Progress = no_progress,
    save: Save = lambda record: None,
    plan: BenchmarkPlan | None = None,
) -> BenchmarkRecord:
    """Carry out the benchmark of ``options`` on this machine and return the record.

    progress : called as ``(what, steps)``, returns a function to call after each step
    save : called with the record so far, now and then and after each phase
    plan : that of ``options``, where the caller has made it already
    Case by case errors are in the record; `UsageError` for options that cannot be met. Ctrl-C
    ends the run and keeps the results so far.

        record = run_benchmark(BenchmarkOptions(artifacts=(Path("model-int8.tflite"),)))
        for case in record.measured_cases:
            print(case.key, case.latency.p50)  # ms a face
    """
    plan = plan or options.plan()
    with workers(plan.cases) as runners:
        faces = open_faces(options)
        found = opened(plan.cases, runners, progress("loading", len(runners)))
        return measure_all(plan, found, faces, progress, save)


def open_faces(options: BenchmarkOptions) -> FaceSource:
    """Open the faces to evaluate on: those of ``options.data``, or drawn faces."""
    if options.data:
        dataset = open_dataset(options.data)
        return source_of(dataset, subset_of(dataset, options.subset), annotated=True)
    return source_of(open_dataset(f"synthetic:{DRAWN_FACES}"), "test", annotated=False)


def measure_all(
    plan: BenchmarkPlan,
    found: Sequence[MeasuredCase],
    source: FaceSource,
    progress: Progress = no_progress,
    save: Save = lambda record: None,
) -> BenchmarkRecord:
    """Measure opened cases; ``save`` is called with the record so far, now and then.

    Interrupted (Ctrl-C), it ends with what was measured. So it does when something else goes wrong,
    which is then in the record's warnings.
    """
    rule = next((m.runner.crop for m in found if m.runner), None)
    check_scheme(found, source)
    settings = settings_of(plan, found, source.for_rule(rule) if rule else None)
    record = BenchmarkRecord.begin(settings)
    warnings: list[str] = record.content["warnings"]
    warnings += filter(None, [power_warning(record.device.power)])
    interrupted = _run_phases(plan, found, source, progress, save, record)
    portraits: list[Portrait] = []
    with _warned("no pictures were kept", warnings):
        portraits = portraits_of(plan, found, source)
    return with_results(record, found, interrupted, portraits)


def _run_phases(
    plan: BenchmarkPlan,
    found: Sequence[MeasuredCase],
    source: FaceSource,
    progress: Progress,
    save: Save,
    record: BenchmarkRecord,
) -> bool:
    """Run all phases; whether one of them, or the whole, ended early."""
    warnings: list[str] = record.content["warnings"]
    interrupted = False

    def save_all() -> None:
        with _warned("the record could not be saved on the way", warnings):
            save(with_results(record, found, interrupted=True))

    try:
        for phase in PHASES:
            with _warned(f"{phase.__name__} ended early", warnings) as went_wrong:
                phase(plan, found, source, _saving(progress, save_all))
            interrupted |= bool(went_wrong)
            save_all()
    except KeyboardInterrupt:
        interrupted = True
    return interrupted


def with_results(
    record: BenchmarkRecord,
    found: Sequence[MeasuredCase],
    interrupted: bool,
    portraits: Sequence[Portrait] = (),
) -> BenchmarkRecord:
    """Return ``record`` with the results so far, and the reference that drops really have."""
    settings = replace(record.settings, reference=reference_name(found))
    results = [m.current_result() for m in found]
    return record.with_settings(settings).with_results(results, interrupted, portraits)


def reference_name(found: Sequence[MeasuredCase]) -> str | None:
    """Return the file that drops are measured against."""
    reference = reference_of(found)
    return reference.case.path.name if reference else None


@contextmanager
def _warned(what: str, warnings: list[str]) -> Iterator[list[Exception]]:
    """Turn an exception in the block into one of ``warnings``, once, and go on."""
    went_wrong: list[Exception] = []
    try:
        yield went_wrong
    except Exception as error:
        went_wrong.append(error)
        if (words := f"{what}: {failure(error)}") not in warnings:
            warnings.append(words)


def settings_of(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], faces: EvaluationFaces | None
) -> RunSettings:
    """Return the settings for the record."""
    return RunSettings(
        kind=plan.kind,
        threads=tuple(sorted({case.threads for case in plan.cases})),
        latency=plan.latency,
        sustain_seconds=plan.sustain,
        faces=faces_settings(faces) if faces else FaceSettings(count=0, on="none"),
        reference=reference_name(found),
    )


def check_scheme(found: Sequence[MeasuredCase], source: FaceSource) -> None:
    """Raise `UsageError` for a case of another landmark scheme than the faces'."""
    for each in found:
        if each.runner and each.runner.scheme != source.scheme:
            raise UsageError(
                f"{each.case.path.name} gives {each.runner.scheme.name}, the faces are "
                f"{source.scheme.name}",
                "Benchmark models of one scheme together, on faces of that scheme",
            )


def portraits_of(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource
) -> list[Portrait]:
    """Return the faces that artifacts moved most, where the plan asks for pictures."""
    reference = reference_of(found)
    if not plan.pictures or reference is None or reference.outputs is None or not reference.runner:
        return []
    portraits = Portraits(source.for_rule(reference.runner.crop), reference.outputs)
    shown: list[Outputs] = [reference.outputs]
    drawn: list[Portrait] = []
    for each in found:
        outputs = each.outputs  # the same object where it differs in threads alone
        compared = is_compared(each, reference)
        if outputs and compared and not any(outputs is other for other in shown):
            shown.append(outputs)
            drawn += portraits.of(each.case.key, outputs)
    return drawn


def _saving(progress: Progress, save: Callable[[], None]) -> Progress:
    """Return ``progress`` that calls ``save`` too, when some time has passed since the last."""
    due = monotonic() + SAVE_EVERY

    def begin(what: str, steps: int) -> Callable[[], None]:
        step = progress(what, steps)

        def tick() -> None:
            nonlocal due
            step()
            if (start := monotonic()) > due:
                save()
                due = monotonic() + max(SAVE_EVERY, SELDOM * (monotonic() - start))

        return tick

    return begin
