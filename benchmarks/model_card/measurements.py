"""Measurements of one model for its card: real faces, drawn faces, and the cost of int8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.accuracy import accuracy
from asmnet_edge.benchmarks.callable_model import CallableModel, open_for_accuracy
from asmnet_edge.benchmarks.evaluation.evaluate import EvaluationPlan, run_evaluation
from asmnet_edge.benchmarks.evaluation.robustness import every_kth, tilt_figures
from asmnet_edge.benchmarks.evaluation.subsets import TRAINING, Predictions, predict_faces
from asmnet_edge.benchmarks.evaluation_faces import EvaluationFaces, missing_as_json
from asmnet_edge.benchmarks.model_card.conditions import (
    conditions_of,
    longer_sides,
    pose_by_yaw,
    with_detector,
)
from asmnet_edge.benchmarks.phases import Progress
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import PARTS, W300
from asmnet_edge.errors import ModelError
from asmnet_edge.formats.builtin import TFLITE
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import AXES, fit_pose
from asmnet_edge.io.manifest import Precision, read_manifest

WORST = 10  # faces named
CURVE_STEP = 0.1  # % of NME between two points of an error curve


class SomeFaces:
    """A data set with at most ``most`` faces a test subset, evenly chosen; for a quick try."""

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
    model: CallableModel, dataset: Dataset, progress: Progress
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


def tilt(model: CallableModel, samples: Sequence[Sample], progress: Progress) -> dict[str, Any]:
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
    """Return the results on a subset that a card adds to the row of an evaluation."""
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


# Accuracy of one model on drawn faces, whose pose is exact: nearly frontal, or of every yaw

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
    model: CallableModel, count: int, progress: Progress
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


def on_turned_faces(model: CallableModel, count: int, progress: Progress) -> dict[str, Any]:
    """Return the evaluation's row on ``count`` drawn faces of every yaw; ``pose`` has intervals."""
    dataset = KeptFaces(count, wide=True)
    plan = EvaluationPlan(dataset, dataset.name, (SUBSET,), sensitivity=False)
    evaluation = run_evaluation(model, plan, progress)
    (row,) = evaluation.content["subsets"]
    del row["errors"]  # no face of these is named
    return {**row, "pose": pose_figures(evaluation.predictions)}


# Cost of int8 in each format: artifacts against their float model on the same crops

KEPT = (
    *("nme", "nme_interval", "nme_drop", "nme_drop_interval", "failure_rate", "pose_mae_drop"),
    *("pose_mae_drop_interval", "deviation_iod_percent", "deviation_pixels"),
)


def shipped_int8(source: Path, source_sha256: str) -> Path | None:
    """Return the int8 TFLite file beside ``source``, if there is one.

    `ModelError` if it was converted from other weights: they must not be shipped together.
    """
    path = source.with_name(f"{source.stem}-{Precision.INT8}{TFLITE.suffix}")
    if not path.exists():
        return None
    if read_manifest(path).source_sha256 != source_sha256:
        raise ModelError(
            f"{path.name} was not made from the {source.name} beside it",
            f"Make it again: asmnet-edge convert tflite {source} --precision int8 --data 300w:DIR",
        )
    return path


def format_figures(
    path: Path, shipped: bool, float_model: CallableModel, found: Mapping[str, Predictions],
    threads: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Compare the artifact at ``path`` with the float model's predictions, subset by subset."""
    model, manifest = open_for_accuracy(path, threads), read_manifest(path)
    if manifest.source_sha256 != float_model.description.sha256:
        raise ModelError(f"{path.name} was not made from {float_model.name}")
    keys = ("name", "format", "precision", "runtime", "bytes", "sha256", "operators")
    facts = to_json(model.description)
    return {
        **{key: facts[key] for key in keys},
        "shipped": shipped,
        "calibration": _calibration(manifest.calibration),
        "tools": dict(manifest.tools),
        "subsets": {name: _against(model, part) for name, part in found.items()},
    }


def _against(model: CallableModel, part: Predictions) -> dict[str, Any]:
    rule = model.crop.level  # as `predict_faces` cut them
    crops = crops_of(part.samples, rule)
    faces = EvaluationFaces(crops, **vars(part.truth), crop=rule, description=model.name)
    figures = to_json(accuracy(model.outputs(faces.crops), part.outputs, faces))
    return {key: figures[key] for key in KEPT}


def _calibration(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if facts is None else {key: facts[key] for key in ("source", "count", "sha256")}
