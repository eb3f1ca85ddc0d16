"""Phases of a run: each measures one thing of every case that has not failed.

A case that fails is left out from there on, with its error in the record; the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from asmnet_edge.benchmarks.accuracy.facesource import FaceSource
from asmnet_edge.benchmarks.accuracy.figures import accuracy
from asmnet_edge.benchmarks.accuracy.jitter import jitter
from asmnet_edge.benchmarks.failure import failure
from asmnet_edge.benchmarks.latency.loop import measure
from asmnet_edge.benchmarks.latency.sustain import cool_down, step_of, summary, sustain
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.benchmarks.record_types import SustainedPoint
from asmnet_edge.benchmarks.rows.cold import cold_start, cold_starts_of
from asmnet_edge.benchmarks.rows.stages import picture_facts, stage_results
from asmnet_edge.benchmarks.rows.worker import Row
from asmnet_edge.benchmarks.session.measured import (
    MeasuredCase,
    reference_of,
    references_first,
    same_source,
)
from asmnet_edge.benchmarks.session.options import BenchmarkPlan
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.errors import ModelError
from asmnet_edge.runtime.health import celsius

Step = Callable[[MeasuredCase, Row], None]
MEASURED = ("accuracy", "stages_ms", "stages_picture", "cold_start", "sustained")


def latency(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Time all cases in turns, each on the first face, cut by its own rule."""
    _for_each(found, lambda each, row: row.face(source.for_rule(row.crop).crops[:1]), lambda: None)
    alive = [m for m in found if m.row]
    tick = progress("latency", len(alive) * plan.latency.rounds)
    measure([m.row for m in alive if m.row], plan.latency, tick, [m.timings for m in alive])


def accuracies(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Run every face once through each case; drops and deviations are against `reference_of`.

    The same file in the same runtime gives the same with more threads, and is not run again.
    """
    known: dict[tuple[object, ...], MeasuredCase] = {}

    def step(each: MeasuredCase, row: Row) -> None:
        twin = known.setdefault((each.case.path, each.case.runtime), each)
        if twin.alive and twin.result.accuracy:
            each.outputs = twin.outputs
            each.set(accuracy=twin.result.accuracy)
        else:
            _measure_accuracy(each, row, found, source)

    _for_each(references_first(found), step, progress("accuracy", _alive(found)))


def _measure_accuracy(
    each: MeasuredCase, row: Row, found: Sequence[MeasuredCase], source: FaceSource
) -> None:
    faces = source.for_rule(row.crop)
    each.outputs = row.outputs(faces.crops)
    reference = reference_of(found)
    of = reference.outputs if reference and is_compared(each, reference) else None
    result = accuracy(each.outputs, of, faces)
    each.set(accuracy=result)
    moved = jitter(row.outputs, faces.crops, faces.scheme)
    each.set(accuracy=replace(result, jitter=moved))


def is_compared(each: MeasuredCase, reference: MeasuredCase) -> bool:
    """Whether a drop of ``each`` against ``reference`` means anything."""
    return each.case.compared and same_source(each, reference)


def stages(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Time the stages from an encoded picture to landmarks in its pixels."""
    if not plan.latency.stage_calls:
        return
    picture = source.encoded()
    facts = picture_facts(picture)

    def step(each: MeasuredCase, row: Row) -> None:
        results = stage_results(row.stages(picture, plan.latency.stage_calls))
        each.set(stages_ms=results, stages_picture=facts)

    _for_each(found, step, progress("stages", _alive(found)))


def cold_starts(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Start each case in fresh processes."""
    if not plan.latency.cold_starts:
        return

    def step(each: MeasuredCase, row: Row) -> None:
        times = cold_starts_of(each.case, plan.latency.cold_starts)
        each.set(cold_start=cold_start(each.case, times))

    _for_each(found, step, progress("cold starts", _alive(found)))


def endurance(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Call one case after the other, each for the whole time; the float model is left out.

    Each begins about as cool as the first, if that does not take too long.
    """
    if not plan.sustain:
        return
    cool = celsius()

    def step(each: MeasuredCase, row: Row) -> None:
        tick = progress(f"sustained: {each.case.key}", int(plan.sustain / step_of(plan.sustain)))
        points: list[SustainedPoint] = []
        waited = cool_down(cool, plan.sustain)
        try:
            sustain(row, plan.sustain, tick, points, each.case.cpus)
        finally:
            if points:
                each.set(sustained=summary(points, waited))

    _for_each([m for m in found if not m.case.is_float_model], step, lambda: None)


PHASES = (latency, accuracies, stages, cold_starts, endurance)


def _alive(found: Sequence[MeasuredCase]) -> int:
    return sum(each.alive for each in found)


def _for_each(found: Sequence[MeasuredCase], step: Step, tick: Callable[[], None]) -> None:
    for each in found:
        if each.row is None or not each.alive:
            continue
        try:
            step(each, each.row)
            _check_numbers(each)
        except Exception as error:  # whatever it is, it is this case's failure
            each.timings.error = failure(error)
        tick()


def _check_numbers(each: MeasuredCase) -> None:
    """Raise `ModelError` for figures that JSON cannot hold, and drop them from the result."""
    for name in MEASURED:
        try:
            json.dumps(to_json(getattr(each.result, name)), allow_nan=False)
        except (TypeError, ValueError) as error:
            each.set(**{name: None})
            raise ModelError(f"{name}: a figure of {each.case.key} is no finite number") from error
