"""A benchmark run: latency in turns, accuracy, stages, cold starts, endurance; then the record.

Each phase fills the rows as it goes; whatever stops the run, the record has what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from time import monotonic
from typing import Any

from asmnet_edge.benchmarks.accuracy.facesource import FaceSource, faces_settings
from asmnet_edge.benchmarks.accuracy.figures import EvaluationFaces
from asmnet_edge.benchmarks.accuracy.portraits import Portraits
from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.failure import failure
from asmnet_edge.benchmarks.latency.watch import power_warning
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.session.measured import BenchmarkPlan, Measured, are_kin, reference_of
from asmnet_edge.benchmarks.session.phases import PHASES
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.errors import UsageError

SAVE_EVERY = 30.0  # seconds, so that even a killed run leaves most of what it measured
SELDOM = 50  # times as long as saving takes, so that it takes 2 % of the time at most


def measure_all(
    plan: BenchmarkPlan,
    found: Sequence[Measured],
    source: FaceSource,
    progress: Progress,
    save: Callable[[BenchmarkRecord], None] = lambda record: None,
) -> BenchmarkRecord:
    """Everything that ``plan`` asks for; ``save`` is called with the record so far, now and then.

    Interrupted (Ctrl-C), it ends with what was measured. So it does when something else goes wrong,
    and then a warning of the record says what.
    """
    rule = next((m.row.crop for m in found if m.row), None)
    check_scheme(found, source)
    settings = settings_of(plan, found, source.for_rule(rule) if rule else None)
    record = BenchmarkRecord.begin(settings)
    warnings = record.content["warnings"]
    warnings += filter(None, [power_warning(record.content["device"]["power"])])
    interrupted = False

    def save_all() -> None:
        with _warned("the record could not be saved on the way", warnings):
            save(told(record, found, interrupted=True))

    try:
        for phase in PHASES:
            with _warned(f"{phase.__name__} ended early", warnings) as went_wrong:
                phase(plan, found, source, _saving(progress, save_all))
            interrupted |= bool(went_wrong)
            save_all()
    except KeyboardInterrupt:
        interrupted = True
    portraits: list[dict[str, Any]] = []
    with _warned("no pictures were kept", warnings):
        portraits = portraits_of(plan, found, source)
    return told(record, found, interrupted, portraits)


def told(
    record: BenchmarkRecord,
    found: Sequence[Measured],
    interrupted: bool,
    portraits: list[dict[str, Any]] | None = None,
) -> BenchmarkRecord:
    """``record`` with what was measured by now, and what drops really are against."""
    settings = record.content["settings"] | {"reference": reference_name(found)}
    results = [m.as_json() for m in found]
    return BenchmarkRecord({**record.content, "settings": settings}).with_results(
        results, interrupted, portraits
    )


def reference_name(found: Sequence[Measured]) -> str | None:
    reference = reference_of(found)
    return reference.order.path.name if reference else None


@contextmanager
def _warned(what: str, warnings: list[str]) -> Iterator[list[Exception]]:
    """Whatever goes wrong in the block becomes one of ``warnings``, once, and the run goes on."""
    went_wrong: list[Exception] = []
    try:
        yield went_wrong
    except Exception as error:
        went_wrong.append(error)
        if (words := f"{what}: {failure(error)}") not in warnings:
            warnings.append(words)


def settings_of(
    plan: BenchmarkPlan, found: Sequence[Measured], faces: EvaluationFaces | None
) -> dict[str, Any]:
    return {
        "kind": plan.kind,
        "threads": sorted({order.threads for order in plan.orders}),
        "latency": asdict(plan.latency),
        "sustain_seconds": plan.sustain,
        "faces": faces_settings(faces) if faces else {"count": 0, "on": "none", "missing": []},
        "reference": reference_name(found),
    }


def check_scheme(found: Sequence[Measured], source: FaceSource) -> None:
    """All rows must give the points that the faces are annotated with."""
    for each in found:
        if each.row and each.row.scheme != source.scheme:
            raise UsageError(
                f"{each.order.path.name} gives {each.row.scheme.name}, the faces are "
                f"{source.scheme.name}",
                "Benchmark models of one scheme together, on faces of that scheme",
            )


def portraits_of(
    plan: BenchmarkPlan, found: Sequence[Measured], source: FaceSource
) -> list[dict[str, Any]]:
    """The faces that artifacts moved most, where the plan asks for pictures."""
    reference = reference_of(found)
    if not plan.pictures or reference is None or reference.outputs is None or not reference.row:
        return []
    portraits = Portraits(source.for_rule(reference.row.crop), reference.outputs)
    shown: list[Outputs] = [reference.outputs]
    drawn: list[dict[str, Any]] = []
    for each in found:
        outputs = each.outputs  # the same object where it differs in threads alone
        compared = each.order.compared and are_kin(each, reference)
        if outputs and compared and not any(outputs is other for other in shown):
            shown.append(outputs)
            drawn += portraits.of(each.order.key, outputs)
    return drawn


def _saving(progress: Progress, save: Callable[[], None]) -> Progress:
    """``progress`` that calls ``save`` on the way, when some time has passed since the last."""
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
