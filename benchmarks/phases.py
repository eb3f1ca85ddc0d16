"""Phases of a run: each measures one thing of every case that has not failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asmnet_edge.benchmarks.accuracy import accuracy, jitter
from asmnet_edge.benchmarks.cases import BenchmarkPlan, Case
from asmnet_edge.benchmarks.evaluation_faces import FaceSource, Outputs
from asmnet_edge.benchmarks.latency_statistics import Latency, unsteady
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.benchmarks.record_types import CaseResult, SustainedPoint
from asmnet_edge.benchmarks.timing import picture_facts, stage_results
from asmnet_edge.benchmarks.timing_loop import (
    Timings,
    cool_down,
    failure,
    measure,
    step_of,
    summary,
    sustain,
    throttled,
)
from asmnet_edge.benchmarks.worker import CaseRunner, cold_start, cold_starts_of
from asmnet_edge.errors import AsmnetEdgeError, ModelError, UsageError
from asmnet_edge.runtime.monitoring import celsius

Progress = Callable[[str, int], Callable[[], None]]  # (what, steps) -> call after each step


def no_progress(what: str, steps: int) -> Callable[[], None]:
    """Report nothing."""
    return lambda: None


# Cases while they are measured


@dataclass
class MeasuredCase:
    """One case of a run.

    runner : calls its model, None where that failed to load; result : its row of the record so
    far, without latency, which is in ``timings``; outputs : of its model for the faces
    """

    case: Case
    runner: CaseRunner | None
    result: CaseResult
    timings: Timings = field(default_factory=Timings)
    outputs: Outputs | None = None

    def __post_init__(self) -> None:
        self.timings.cpus = self.case.cpus

    @property
    def alive(self) -> bool:
        """Whether it is measured further."""
        return self.runner is not None and self.timings.error is None

    def set(self, **results: Any) -> None:
        """Keep ``results``, fields of `CaseResult`."""
        self.result = replace(self.result, **results)

    def current_result(self) -> CaseResult:
        """Return its row of the record with all that has been measured."""
        latency = self.timings.latency
        if self.runner is None or latency is None:
            error = self.result.error or self.timings.error
            return replace(self.result, error=error or "interrupted before it was measured")
        lead_in = [turn.lead_in for turn in self.timings.turns]
        return replace(
            self.result,
            error=self.timings.error,
            latency_ms=latency.result(lead_in, self.timings.warm_up, self.timings.notes),
            unsteady=tuple(self._doubts(latency)),
        )

    def _doubts(self, latency: Latency) -> list[str]:
        warm_up, sustained = self.timings.warm_up, self.result.sustained
        doubts = unsteady(latency, self.timings.notes, self.result.threads)
        if warm_up and warm_up.steady is False:
            doubts.append(f"not steady after {warm_up.seconds:.0f} s of warming up")
        return doubts + (throttled(sustained) if sustained else [])


def opened(
    cases: Sequence[Case], runners: Sequence[Any], tick: Callable[[], None]
) -> list[MeasuredCase]:
    """Wait until the model of each case is loaded; one that cannot be loaded is a failed row."""
    found = []
    for case, runner in zip(cases, runners, strict=True):
        try:
            runner.opened()
            found.append(MeasuredCase(case, runner, runner.unmeasured))
        except AsmnetEdgeError as error:
            failed = CaseResult(name=case.path.name, key=case.key, error=str(error))
            found.append(MeasuredCase(case, None, failed))
        tick()
    check_source(found)
    return found


def check_source(found: Sequence[MeasuredCase]) -> None:
    """Raise `UsageError` for an artifact that descends from another float model than the run's."""
    model = _first(found, _is_float_model)
    for each in found:
        if model and each.runner and each.case.compared and not same_source(each, model):
            raise UsageError(
                f"{each.case.path.name} was not made from {model.case.path.name}",
                "Give --float-model the file it was converted from, or the artifact to --beside",
            )


def reference_of(found: Sequence[MeasuredCase]) -> MeasuredCase | None:
    """Return the case that drops are measured against: the float model, else its float32 artifact.

    A case that failed after its outputs were measured still serves.
    """
    return _first(found, _is_float_model) or _first(found, _is_float_artifact)


def same_source(one: MeasuredCase, other: MeasuredCase) -> bool:
    """Whether both were made from the same float model."""
    return bool(
        one.runner and other.runner and one.result.source_sha256 == other.result.source_sha256
    )


def references_first(found: Sequence[MeasuredCase]) -> list[MeasuredCase]:
    """Sort ``found`` in the order in which `reference_of` would choose."""
    return sorted(found, key=lambda each: (not _is_float_model(each), not _is_float_artifact(each)))


def _is_float_model(each: MeasuredCase) -> bool:
    return each.case.is_float_model


def _is_float_artifact(each: MeasuredCase) -> bool:
    return each.result.precision == "float32"


def _first(
    found: Sequence[MeasuredCase], fits: Callable[[MeasuredCase], bool]
) -> MeasuredCase | None:
    there = (m for m in found if m.alive or m.outputs is not None)
    return next((m for m in there if m.case.compared and fits(m)), None)


# The phases

Step = Callable[[MeasuredCase, CaseRunner], None]
MEASURED = ("accuracy", "stages_ms", "stages_picture", "cold_start", "sustained")


def latency(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Time all cases in turns, each on the first face, cut by its own rule."""
    _for_each(
        found,
        lambda each, runner: runner.face(source.for_rule(runner.crop).crops[:1]),
        lambda: None,
    )
    alive = [m for m in found if m.runner]
    tick = progress("latency", len(alive) * plan.latency.rounds)
    measure([m.runner for m in alive if m.runner], plan.latency, tick, [m.timings for m in alive])


def accuracies(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Run every face once through each case; drops and deviations are against `reference_of`.

    The same file in the same runtime gives the same with more threads, and is not run again.
    """
    known: dict[tuple[object, ...], MeasuredCase] = {}

    def step(each: MeasuredCase, runner: CaseRunner) -> None:
        twin = known.setdefault((each.case.path, each.case.runtime), each)
        if twin.alive and twin.result.accuracy:
            each.outputs = twin.outputs
            each.set(accuracy=twin.result.accuracy)
        else:
            _measure_accuracy(each, runner, found, source)

    _for_each(references_first(found), step, progress("accuracy", _alive(found)))


def _measure_accuracy(
    each: MeasuredCase, runner: CaseRunner, found: Sequence[MeasuredCase], source: FaceSource
) -> None:
    faces = source.for_rule(runner.crop)
    each.outputs = runner.outputs(faces.crops)
    reference = reference_of(found)
    of = reference.outputs if reference and is_compared(each, reference) else None
    result = accuracy(each.outputs, of, faces)
    each.set(accuracy=result)
    moved = jitter(runner.outputs, faces.crops, faces.scheme)
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

    def step(each: MeasuredCase, runner: CaseRunner) -> None:
        results = stage_results(runner.stages(picture, plan.latency.stage_calls))
        each.set(stages_ms=results, stages_picture=facts)

    _for_each(found, step, progress("stages", _alive(found)))


def cold_starts(
    plan: BenchmarkPlan, found: Sequence[MeasuredCase], source: FaceSource, progress: Progress
) -> None:
    """Start each case in fresh processes."""
    if not plan.latency.cold_starts:
        return

    def step(each: MeasuredCase, runner: CaseRunner) -> None:
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

    def step(each: MeasuredCase, runner: CaseRunner) -> None:
        tick = progress(f"sustained: {each.case.key}", int(plan.sustain / step_of(plan.sustain)))
        points: list[SustainedPoint] = []
        waited = cool_down(cool, plan.sustain)
        try:
            sustain(runner, plan.sustain, tick, points, each.case.cpus)
        finally:
            if points:
                each.set(sustained=summary(points, waited))

    _for_each([m for m in found if not m.case.is_float_model], step, lambda: None)


PHASES = (latency, accuracies, stages, cold_starts, endurance)


def _alive(found: Sequence[MeasuredCase]) -> int:
    return sum(each.alive for each in found)


def _for_each(found: Sequence[MeasuredCase], step: Step, tick: Callable[[], None]) -> None:
    for each in found:
        if each.runner is None or not each.alive:
            continue
        try:
            step(each, each.runner)
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
