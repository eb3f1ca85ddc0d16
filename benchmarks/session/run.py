"""A benchmark run: latency in turns, accuracy, stages, cold starts, endurance; then the record.

Each phase fills the rows as it goes; whatever stops the run, the record has what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from time import monotonic
from typing import Any

from asmnet_edge.benchmarks.accuracy.facesource import FaceSource, faces_settings
from asmnet_edge.benchmarks.accuracy.figures import EvaluationFaces
from asmnet_edge.benchmarks.accuracy.portraits import Portraits
from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.watch import power_warning
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.session.measured import BenchmarkPlan, Measured, are_kin, reference_of
from asmnet_edge.benchmarks.session.phases import PHASES
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.errors import UsageError

SAVE_EVERY = 30.0  # seconds, so that even a killed run leaves most of what it measured


def measure_all(
    plan: BenchmarkPlan,
    found: Sequence[Measured],
    source: FaceSource,
    progress: Progress,
    save: Callable[[BenchmarkRecord], None] = lambda record: None,
) -> BenchmarkRecord:
    """Everything that ``plan`` asks for; ``save`` is called with the record so far, now and then.

    Interrupted (Ctrl-C), it ends with what was measured.
    """
    rule = next((m.row.crop for m in found if m.row), None)
    check_scheme(found, source)
    settings = settings_of(plan, found, source.for_rule(rule) if rule else None)
    record = BenchmarkRecord.begin(settings)
    record.content["warnings"] += filter(None, [power_warning(record.content["device"]["power"])])
    interrupted = False

    def save_all() -> None:
        save(record.with_results([m.as_json() for m in found], interrupted=True))

    try:
        for phase in PHASES:
            phase(plan, found, source, _saving(progress, save_all))
            save_all()
    except KeyboardInterrupt:
        interrupted = True
    portraits = portraits_of(plan, found, source)
    return record.with_results([m.as_json() for m in found], interrupted, portraits)


def settings_of(
    plan: BenchmarkPlan, found: Sequence[Measured], faces: EvaluationFaces | None
) -> dict[str, Any]:
    reference = reference_of(found)
    return {
        "kind": plan.kind,
        "threads": sorted({order.threads for order in plan.orders}),
        "latency": asdict(plan.latency),
        "sustain_seconds": plan.sustain,
        "faces": faces_settings(faces) if faces else {"count": 0, "on": "none", "missing": []},
        "reference": reference.order.path.name if reference else None,
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
    saved = monotonic()

    def begin(what: str, steps: int) -> Callable[[], None]:
        step = progress(what, steps)

        def tick() -> None:
            nonlocal saved
            step()
            if monotonic() > saved + SAVE_EVERY:
                save()
                saved = monotonic()

        return tick

    return begin
