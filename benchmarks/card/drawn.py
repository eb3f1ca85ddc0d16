"""Accuracy of one model on drawn faces, whose pose is exact: nearly frontal, or of every yaw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from asmnet_edge import metrics
from asmnet_edge.benchmarks.card.conditions import conditions_of, pose_by_yaw
from asmnet_edge.benchmarks.card.measured import pose_figures, with_interval, worst
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.benchmarks.evaluation.evaluation import Predictions, predict_faces
from asmnet_edge.benchmarks.evaluation.run import EvaluationPlan, run_evaluation
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.data.sample import OnBroken, Sample, refuse
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.pose import AXES, fit_pose

SUBSET = "test"


class KeptFaces(DrawnFaces):
    """Drawn test faces whose pictures stay in memory, 0.2 MB each: drawn once for all models."""

    def samples(self, subset: str = SUBSET, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        return _kept(self.count, self.wide)


@cache
def _kept(count: int, wide: bool) -> tuple[Sample, ...]:
    samples = DrawnFaces(count, wide=wide).samples(SUBSET)
    return tuple(map(_loaded, samples))


def _loaded(sample: Sample) -> Sample:
    picture = sample.load()
    return replace(sample, load=lambda: picture)


def on_drawn_faces(
    model: EvaluatedModel, count: int, progress: Progress
) -> tuple[dict[str, Any], Predictions]:
    """Return figures on ``count`` drawn faces, whose truth is exact, and the predictions.

    labels : errors of poses fitted to the exact landmarks, as the labels of real faces are made
    """
    tick = progress("drawn faces", count)
    found = predict_faces(model, KeptFaces(count).samples(), tick)
    fitted = fit_pose(found.truth.landmarks, found.truth.scheme)
    labels = metrics.angle_errors(fitted, found.truth.pose)
    figures = {
        "faces": len(found.samples),
        "pose": pose_figures(found),
        "labels": {a: with_interval(found, labels[:, k], "mae") for k, a in enumerate(AXES)},
        "by_yaw": pose_by_yaw(found),
        **with_interval(found, 100 * found.errors, "nme"),
        "conditions": conditions_of(found),
        "worst": worst(found),
    }
    return figures, found


def on_turned_faces(model: EvaluatedModel, count: int, progress: Progress) -> dict[str, Any]:
    """Return the evaluation's row on ``count`` drawn faces of every yaw; ``pose`` has intervals."""
    dataset = KeptFaces(count, wide=True)
    plan = EvaluationPlan(dataset, dataset.name, (SUBSET,), sensitivity=False)
    evaluation = run_evaluation(model, plan, progress)
    (row,) = evaluation.content["subsets"]
    del row["errors"]  # no face of these is named
    return {**row, "pose": pose_figures(evaluation.predictions)}
