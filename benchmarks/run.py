"""A benchmark run: load every candidate, measure latency in turns, then accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.accuracy import EvaluationFaces, accuracy
from asmnet_edge.benchmarks.candidates import Candidate, artifact_candidate, keras_candidate
from asmnet_edge.benchmarks.latency import Latency, LatencyPlan, measure
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.truth import Outputs, failure_threshold, missing_as_json
from asmnet_edge.errors import AsmnetEdgeError, ModelError, UsageError

Progress = Callable[[str, int], Callable[[], None]]  # (what, steps) -> call after each step


@dataclass(frozen=True)
class BenchmarkPlan:
    """What to measure. ``float_model`` is the reference of every drop; None: no such row."""

    artifacts: tuple[Path, ...]
    float_model: Path | None
    threads: int = 1
    latency: LatencyPlan = field(default_factory=LatencyPlan)


@dataclass(frozen=True)
class Failure:
    """A row that could not be loaded: its name and error."""

    facts: dict[str, Any]


@dataclass(frozen=True)
class Candidates:
    """What is measured, in the order of the rows; ``reference`` is the first, if there is one."""

    reference: Candidate | None
    rows: tuple[Candidate | Failure, ...]

    @property
    def loaded(self) -> list[Candidate]:
        return [row for row in self.rows if isinstance(row, Candidate)]


def load_candidates(plan: BenchmarkPlan) -> Candidates:
    """Load everything in ``plan``; a broken artifact becomes a failed row.

    `UsageError` when an artifact was made from another float model than the reference.
    """
    reference = keras_candidate(plan.float_model, plan.threads) if plan.float_model else None
    artifacts = [_load(path, plan.threads) for path in plan.artifacts]
    candidates = Candidates(reference, (*([reference] if reference else ()), *artifacts))
    _check_source(candidates)
    return candidates


def measure_candidates(
    plan: BenchmarkPlan, candidates: Candidates, faces: EvaluationFaces, progress: Progress
) -> BenchmarkRecord:
    """Latency of all in turns, then accuracy on ``faces``, one after the other."""
    _check_crops(candidates.loaded, faces)
    latencies = _latencies(candidates.loaded, plan.latency, faces, progress)
    figures = _accuracies(candidates, faces, progress)
    measured = map(_row, candidates.loaded, latencies, figures)
    rows = [r.facts if isinstance(r, Failure) else next(measured) for r in candidates.rows]
    settings = {
        "threads": plan.threads,
        "latency": asdict(plan.latency),
        "faces": _faces_settings(faces),
        "reference": plan.float_model.name if plan.float_model else None,
    }
    return BenchmarkRecord.of(rows, settings)


def _faces_settings(faces: EvaluationFaces) -> dict[str, Any]:
    return {
        "count": len(faces.crops),
        "on": faces.description,
        "missing": missing_as_json(faces.missing),
        "failure_threshold": failure_threshold(faces.scheme),
    }


def _load(path: Path, threads: int) -> Candidate | Failure:
    """The artifact if it loads and a trial call gives numbers, else why it does not."""
    try:
        candidate = artifact_candidate(path, threads)
        outputs = candidate.backend.run(np.zeros((1, *2 * (candidate.crop.size,), 3), np.uint8))
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(f"{path} gives numbers that are not finite")
        return candidate
    except (AsmnetEdgeError, RuntimeError, ValueError) as error:
        return Failure({"name": path.name, "error": str(error)})


def _check_source(candidates: Candidates) -> None:
    """A drop against another float model than an artifact's own would mean nothing."""
    reference = candidates.reference
    for candidate in candidates.loaded if reference else ():
        if reference and candidate.source_sha256 != reference.source_sha256:
            raise UsageError(
                f"{candidate.facts['name']} was not made from {reference.facts['name']}",
                "Give --float-model the file it was converted from",
            )


def _check_crops(candidates: Sequence[Candidate], faces: EvaluationFaces) -> None:
    """All candidates must take the same crops, or their rows could not be compared."""
    for candidate in candidates:
        if (candidate.crop, candidate.scheme) != (faces.crop, faces.scheme):
            raise UsageError(
                f"{candidate.facts['name']} takes {candidate.crop} and gives "
                f"{candidate.scheme.name}, the faces are {faces.crop} and {faces.scheme.name}",
                "Benchmark models of one crop rule and scheme together, on faces of that scheme",
            )


def _latencies(
    candidates: Sequence[Candidate], plan: LatencyPlan, faces: EvaluationFaces, progress: Progress
) -> list[Latency]:
    crop = faces.crops[:1]
    calls = [lambda backend=c.backend: backend.run(crop) for c in candidates]  # type: ignore[misc]
    return measure(calls, plan, progress("latency", len(calls) * plan.rounds))


def _accuracies(
    candidates: Candidates, faces: EvaluationFaces, progress: Progress
) -> list[dict[str, Any]]:
    tick = progress("accuracy", len(candidates.loaded))
    outputs: list[Outputs] = []
    for candidate in candidates.loaded:
        outputs.append(candidate.outputs(faces.crops))
        tick()
    reference = outputs[0] if candidates.reference else None
    return [accuracy(o, reference, faces) for o in outputs]


def _row(candidate: Candidate, latency: Latency, figures: dict[str, Any]) -> dict[str, Any]:
    return {
        **candidate.facts,
        "latency_ms": latency.as_json(),
        "unsteady": latency.unsteady(),
        "accuracy": figures,
    }
