"""The phases of a run: each asks its question of every row that is still alive.

A row that breaks is left out from there on and says why; the others go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from asmnet_edge.benchmarks.accuracy.facesource import FaceSource
from asmnet_edge.benchmarks.accuracy.figures import accuracy
from asmnet_edge.benchmarks.accuracy.jitter import jitter
from asmnet_edge.benchmarks.failure import failure
from asmnet_edge.benchmarks.latency.loop import measure
from asmnet_edge.benchmarks.latency.sustain import cool_down, step_of, summary, sustain
from asmnet_edge.benchmarks.rows.cold import cold_start, cold_starts_of
from asmnet_edge.benchmarks.rows.local import Row
from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX
from asmnet_edge.benchmarks.rows.stages import picture_facts, stage_figures
from asmnet_edge.benchmarks.session.measured import (
    BenchmarkPlan,
    Measured,
    are_kin,
    reference_of,
    references_first,
)
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.errors import ModelError
from asmnet_edge.runtime.health import celsius

Step = Callable[[Measured, Row], None]


def latency(
    plan: BenchmarkPlan, found: Sequence[Measured], source: FaceSource, progress: Progress
) -> None:
    """All rows in turns, each on the first face as it wants it cut."""
    _for_each(found, lambda each, row: row.face(source.for_rule(row.crop).crops[:1]), lambda: None)
    alive = [m for m in found if m.row]
    tick = progress("latency", len(alive) * plan.latency.rounds)
    measure([m.row for m in alive if m.row], plan.latency, tick, [m.taken for m in alive])


def accuracies(
    plan: BenchmarkPlan, found: Sequence[Measured], source: FaceSource, progress: Progress
) -> None:
    """Every face once through each row; drops and deviations against those of `reference_of`.

    The same file in the same runtime gives the same with more threads, and is not asked again.
    """
    known: dict[tuple[Any, ...], Measured] = {}

    def step(each: Measured, row: Row) -> None:
        twin = known.setdefault((each.order.path, each.order.runtime), each)
        if twin.alive and "accuracy" in twin.more:
            each.outputs, each.more["accuracy"] = twin.outputs, twin.more["accuracy"]
            return
        faces = source.for_rule(row.crop)
        each.outputs = row.outputs(faces.crops)
        reference = reference_of(found)
        of = reference.outputs if reference and _is_compared(each, reference) else None
        each.more["accuracy"] = accuracy(each.outputs, of, faces)
        each.more["accuracy"]["jitter"] = jitter(row.outputs, faces.crops, faces.scheme)

    _for_each(references_first(found), step, progress("accuracy", _alive(found)))


def _is_compared(each: Measured, reference: Measured) -> bool:
    return each.order.compared and are_kin(each, reference)


def stages(
    plan: BenchmarkPlan, found: Sequence[Measured], source: FaceSource, progress: Progress
) -> None:
    """From an encoded picture to landmarks in its pixels."""
    if not plan.latency.stage_calls:
        return
    picture = source.encoded()
    facts = picture_facts(picture)

    def step(each: Measured, row: Row) -> None:
        each.more["stages_ms"] = stage_figures(row.stages(picture, plan.latency.stage_calls))
        each.more["stages_picture"] = facts

    _for_each(found, step, progress("stages", _alive(found)))


def cold_starts(
    plan: BenchmarkPlan, found: Sequence[Measured], source: FaceSource, progress: Progress
) -> None:
    """Each row's file in fresh processes."""
    if not plan.latency.cold_starts:
        return

    def step(each: Measured, row: Row) -> None:
        times = cold_starts_of(each.order, plan.latency.cold_starts)
        each.more["cold_start"] = cold_start(each.order, times)

    _for_each(found, step, progress("cold starts", _alive(found)))


def endurance(
    plan: BenchmarkPlan, found: Sequence[Measured], source: FaceSource, progress: Progress
) -> None:
    """One row after the other, each for the whole time; the float model is left out.

    Each begins about as cool as the first, if that does not take too long.
    """
    if not plan.sustain:
        return
    cool = celsius()

    def step(each: Measured, row: Row) -> None:
        tick = progress(f"sustained: {each.order.key}", int(plan.sustain / step_of(plan.sustain)))
        points: list[dict[str, Any]] = []
        waited = cool_down(cool, plan.sustain)
        try:
            sustain(row, plan.sustain, tick, points, each.order.cpus)
        finally:
            if points:
                each.more["sustained"] = summary(points) | {"cooled_seconds": round(waited, 1)}

    _for_each([m for m in found if m.order.path.suffix != FLOAT_SUFFIX], step, lambda: None)


PHASES = (latency, accuracies, stages, cold_starts, endurance)


def _alive(found: Sequence[Measured]) -> int:
    return sum(each.alive for each in found)


def _for_each(found: Sequence[Measured], step: Step, tick: Callable[[], None]) -> None:
    for each in found:
        if each.row is None or not each.alive:
            continue
        try:
            step(each, each.row)
            _check_numbers(each)
        except Exception as error:  # whatever it is, it is this row's failure
            each.taken.error = failure(error)
        tick()


def _check_numbers(each: Measured) -> None:
    """`ModelError` for figures that JSON has no word for; without them the row can be written."""
    for name, figures in list(each.more.items()):
        try:
            json.dumps(figures, allow_nan=False)
        except (TypeError, ValueError) as error:
            del each.more[name]
            raise ModelError(f"{name}: a figure of {each.order.key} is no finite number") from error
