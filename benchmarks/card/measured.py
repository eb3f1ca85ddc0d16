"""Measurements of one model for its card: by subset, region, pose, yaw, tilt and condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import missing_as_json
from asmnet_edge.benchmarks.card.conditions import conditions_of, longer_sides
from asmnet_edge.benchmarks.card.detector import with_detector
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.benchmarks.evaluation.evaluation import Predictions
from asmnet_edge.benchmarks.evaluation.run import EvaluationPlan, run_evaluation
from asmnet_edge.benchmarks.evaluation.sensitivity import every_kth
from asmnet_edge.benchmarks.evaluation.subsets import TRAINING
from asmnet_edge.benchmarks.evaluation.tilt import tilt_figures
from asmnet_edge.benchmarks.session.progress import Progress
from asmnet_edge.data.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.data.w300 import PARTS, W300
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import AXES

WORST = 10  # faces named
CURVE_STEP = 0.1  # % of NME between two points of an error curve


class SomeFaces:
    """A data set with at most ``most`` faces a test subset, evenly chosen; for quick trials."""

    def __init__(self, dataset: Dataset, most: int) -> None:
        self.dataset, self.most = dataset, most
        self.name, self.licence, self.scheme = dataset.name, dataset.licence, dataset.scheme

    @property
    def subsets(self) -> Sequence[str]:
        return self.dataset.subsets

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        samples = self.dataset.samples(subset, on_broken)
        return samples if subset == TRAINING else every_kth(samples, self.most)

    def missing(self, subset: str) -> Sequence[Missing]:
        return self.dataset.missing(subset)


def measure(
    model: EvaluatedModel, dataset: Dataset, progress: Progress
) -> tuple[dict[str, Any], dict[str, Predictions]]:
    """Return figures of ``model`` on the test subsets of ``dataset``, and predictions by subset."""
    evaluation = run_evaluation(model, EvaluationPlan(dataset, dataset.name), progress)
    content, rows = evaluation.content, []
    seen: dict[str, Predictions] = {}
    limit, elsewhere = content["failure_threshold_percent"], absent(dataset)
    for row in content["subsets"]:
        errors = row.pop("errors")
        found = evaluation.predictions.of(list(errors))
        if twin := next((name for name, p in seen.items() if p.samples == found.samples), None):
            elsewhere.append({"name": row["name"], "missing": row["missing"], "same_as": twin})
            continue
        seen[row["name"]] = found
        tick = progress(f"boxes of {row['name']}", len(found.samples))
        boxes = with_detector(model, found, tick)
        line = curve(found.errors, limit)
        rows.append({**row, **details(found), "detector": boxes, "curve": line})
    section = {
        **{key: content["model"][key] for key in ("parameters", "multiply_adds", "runtime")},
        "failure_threshold_percent": limit,
        "subsets": rows,
        "not_measured": elsewhere,
        "sensitivity": content["sensitivity"],
        "tilt": tilt(model, evaluation.predictions.samples, progress),
    }
    return section, seen


def tilt(model: EvaluatedModel, samples: Sequence[Sample], progress: Progress) -> dict[str, Any]:
    """Return figures by tilt on some of ``samples``, evenly chosen."""
    chosen = every_kth(samples)
    names = {"chosen": [sample.name for sample in chosen]}
    found = tilt_figures(model, chosen, names, progress("turned pictures", len(chosen)))
    (row,) = found["subsets"]
    return {"degrees": found["degrees"], **row}


def absent(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the official subsets of which this copy has no face."""
    known = dataset.dataset if isinstance(dataset, SomeFaces) else dataset
    names = PARTS if isinstance(known, W300) else ()
    gone = [name for name in names if name not in (TRAINING, *dataset.subsets)]
    return [
        {"name": name, "missing": missing_as_json(dataset.missing(name)), "same_as": None}
        for name in gone
    ]


def details(found: Predictions) -> dict[str, Any]:
    """Return what a card has of a subset besides its row in an evaluation."""
    return {
        "regions": regions(found),
        "pose": pose_figures(found),
        "conditions": conditions_of(found) if found.truth.scheme.to_ibug68 else [],
        "worst": worst(found),
        "largest_px": float(longer_sides(found).max()),
    }


def regions(found: Predictions) -> dict[str, dict[str, Any]]:
    """Return the NME in % of each facial region's points, with its interval."""
    points = 100 * metrics.point_errors(found.outputs[0], found.truth.landmarks, found.truth.scheme)
    values = {
        name: points[:, list(at)].mean(axis=1) for name, at in found.truth.scheme.groups.items()
    }
    return {name: with_interval(found, of, "nme") for name, of in values.items()}


def pose_figures(found: Predictions) -> dict[str, dict[str, Any]]:
    """Return the MAE in degrees by axis, with its interval."""
    errors = metrics.angle_errors(found.outputs[1], found.truth.pose)
    return {axis: with_interval(found, errors[:, k], "mae") for k, axis in enumerate(AXES)}


def with_interval(found: Predictions, values: FloatArray, name: str) -> dict[str, Any]:
    """Return the mean of ``values`` (faces,) as ``name``, with its 95 % bootstrap interval."""
    return {name: float(values.mean()), "interval": found.truth.interval(values)}


def worst(found: Predictions) -> list[dict[str, Any]]:
    """Return names, NME and pose of the faces with the highest NME, the worst first."""
    errors = found.errors
    chosen = np.argsort(-errors, kind="stable")[:WORST]
    return [
        {
            "name": found.samples[k].name,
            "nme": 100 * float(errors[k]),
            **dict(zip(AXES, found.truth.pose[k].tolist(), strict=True)),
        }
        for k in chosen.tolist()
    ]


def curve(errors: FloatArray, limit: float) -> dict[str, list[float]]:
    """Return the cumulative error curve: share of faces with an NME (%) of at most ``at``."""
    at = np.round(np.arange(0, limit + CURVE_STEP / 2, CURVE_STEP), 6)
    share = (100 * errors[:, None] <= at).mean(axis=0)
    return {"at": at.tolist(), "share": share.round(5).tolist()}
