"""Cases while they are measured, and what has been measured of each so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.latency.loop import Timings
from asmnet_edge.benchmarks.latency.sustain import throttled
from asmnet_edge.benchmarks.latency.watch import unsteady
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.benchmarks.rows.order import Case
from asmnet_edge.benchmarks.rows.worker import Row
from asmnet_edge.errors import AsmnetEdgeError, UsageError


@dataclass
class MeasuredCase:
    """One case of a run.

    row : its opened model, None if that failed; result : its row of the record so far, without
    latency, which is in ``timings``; outputs : of its model for the faces
    """

    case: Case
    row: Row | None
    result: CaseResult
    timings: Timings = field(default_factory=Timings)
    outputs: Outputs | None = None

    def __post_init__(self) -> None:
        self.timings.cpus = self.case.cpus

    @property
    def alive(self) -> bool:
        """Whether it is measured further."""
        return self.row is not None and self.timings.error is None

    def set(self, **results: Any) -> None:
        """Keep ``results``, fields of `CaseResult`."""
        self.result = replace(self.result, **results)

    def current_result(self) -> CaseResult:
        """Return its row of the record with all that has been measured."""
        latency = self.timings.latency
        if self.row is None or latency is None:
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
    cases: Sequence[Case], rows: Sequence[Any], tick: Callable[[], None]
) -> list[MeasuredCase]:
    """Wait until the model of each case is loaded; one that cannot be loaded is a failed row."""
    found = []
    for case, row in zip(cases, rows, strict=True):
        try:
            row.opened()
            found.append(MeasuredCase(case, row, row.unmeasured))
        except AsmnetEdgeError as error:
            failed = CaseResult(name=case.path.name, key=case.key, error=str(error))
            found.append(MeasuredCase(case, None, failed))
        tick()
    check_source(found)
    return found


def check_source(found: Sequence[MeasuredCase]) -> None:
    """Raise `UsageError` for an artifact that was made from another float model than the run's."""
    model = _first(found, _is_float_model)
    for each in found:
        if model and each.row and each.case.compared and not same_source(each, model):
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
    return bool(one.row and other.row and one.result.source_sha256 == other.result.source_sha256)


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
