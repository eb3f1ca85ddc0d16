"""Accuracy of a model's outputs, and what an artifact lost against its float model.

`session` and `evaluation` both take their figures from here, so that they cannot differ.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import (
    EvaluationFaces,
    Outputs,
    Truth,
)
from asmnet_edge.benchmarks.record_types import AccuracyResult, RegionDeviation
from asmnet_edge.pose import AXES


def accuracy(outputs: Outputs, reference: Outputs | None, faces: EvaluationFaces) -> AccuracyResult:
    """Measure ``outputs`` on ``faces``: errors where these are annotated, and what was lost.

    reference : the float model's outputs, None where there is none to compare with
    Intervals are 95 % bootstrap over faces, those of one identity together.
    """
    figures: dict[str, Any] = {"faces": len(faces.crops), "on": faces.description}
    if reference is not None:
        figures |= deviations(outputs, reference, faces)
    if faces.truth is not None:
        figures |= _errors(outputs, faces.truth)
        figures |= {} if reference is None else _drops(outputs, reference, faces.truth)
    known = {field.name for field in fields(AccuracyResult)}
    others = {name: figures.pop(name) for name in [*figures] if name not in known}
    return AccuracyResult(**figures, other_metrics=others or None)


def deviations(outputs: Outputs, reference: Outputs, faces: EvaluationFaces) -> dict[str, Any]:
    """Measure the distance to the float model's landmarks: % of eye distance, and crop pixels."""
    far = 100 * metrics.point_errors(outputs[0], reference[0], faces.scheme)
    pixels = np.linalg.norm(outputs[0] - reference[0], axis=-1) * faces.crop.size
    by_pixels = metrics.by_region(pixels, faces.scheme)
    return {
        "deviation_iod_percent": float(far.mean()),
        "deviation_pixels": float(pixels.mean()),
        "deviation_by_region": {
            name: RegionDeviation(percent, by_pixels[name])
            for name, percent in metrics.by_region(far, faces.scheme).items()
        },
    }


def truth_figures(outputs: Outputs, truth: Truth) -> dict[str, Any]:
    """Measure ``outputs`` against annotations: the figure of each registered metric, by name.

    Those that have a field in `AccuracyResult`: NME in %, failure rate and AUC as fractions, pose
    MAE in degrees.
    """
    comparison = metrics.Comparison(
        *(outputs[0], truth.landmarks, outputs[1], truth.pose),
        *(truth.scheme, truth.identities),
    )
    return {
        **metrics.figures(comparison),
        "pose_truth": "exact" if truth.pose_is_exact else "fitted to the annotated landmarks",
    }


def _errors(outputs: Outputs, truth: Truth) -> dict[str, Any]:
    """Add the NME of each face in % to `truth_figures`."""
    errors = 100 * metrics.nme(outputs[0], truth.landmarks, truth.scheme)
    figures = truth_figures(outputs, truth)
    return {**figures, "errors": [round(error, 5) for error in errors.tolist()]}


def _drops(outputs: Outputs, reference: Outputs, truth: Truth) -> dict[str, Any]:
    errors, before = (
        metrics.nme(o[0], truth.landmarks, truth.scheme) for o in (outputs, reference)
    )
    pose, pose_before = (metrics.angle_errors(o[1], truth.pose) for o in (outputs, reference))
    drop = 100 * (errors - before)
    pose_drop = pose - pose_before
    return {
        "nme_drop": float(drop.mean()),
        "nme_drop_interval": truth.interval(drop),
        "pose_mae_drop": dict(zip(AXES, pose_drop.mean(axis=0).tolist(), strict=True)),
        "pose_mae_drop_interval": {
            axis: truth.interval(pose_drop[:, number]) for number, axis in enumerate(AXES)
        },
    }
