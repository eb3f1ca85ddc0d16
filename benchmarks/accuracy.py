"""What an artifact's landmarks are worth, and what they lost against the float model's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge import metrics
from asmnet_edge.crop import CropRule, to_relative, transform
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Dataset
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import AXES, fit_pose
from asmnet_edge.schemes import LandmarkScheme

FAILURE = 0.08  # NME above which 300W counts a face as failed
FIGURES = (
    *("nme", "nme_drop", "nme_drop_interval", "failure_rate", "auc", "deviation_iod_percent"),
    *("pose_mae", "pose_mae_drop", "pose_truth"),
)
Outputs = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class EvaluationFaces:
    """Faces to evaluate on, as the network sees them.

    crops : (faces, s, s, 3) uint8 RGB; landmarks : (faces, n, 2) relative to them, or None where
    only deviation is asked for; pose : (faces, 3) degrees, fitted to the annotated landmarks
    unless ``pose_is_exact``; description : data set and subset
    """

    crops: NDArray[np.uint8]
    landmarks: FloatArray | None
    pose: FloatArray | None
    scheme: LandmarkScheme
    crop: CropRule
    description: str
    pose_is_exact: bool = False


def faces_of(dataset: Dataset, subset: str, rule: CropRule, annotated: bool) -> EvaluationFaces:
    """The faces of ``subset``, cut by ``rule`` around their annotated landmarks."""
    samples = dataset.samples(subset)
    crops = crops_of(samples, rule)
    description = f"{dataset.name} {subset}"
    if not annotated:
        return EvaluationFaces(crops, None, None, dataset.scheme, rule, description)
    points = [transform(s.landmarks.points, rule.matrix(s.landmarks.box)) for s in samples]
    landmarks = to_relative(np.stack(points), rule.size)
    fitted = fit_pose(landmarks, dataset.scheme)
    pose = [f if s.pose is None else s.pose for f, s in zip(fitted, samples, strict=True)]
    exact = all(s.pose is not None for s in samples)
    return EvaluationFaces(
        crops, landmarks, np.stack(pose), dataset.scheme, rule, description, exact
    )


def accuracy(outputs: Outputs, reference: Outputs | None, faces: EvaluationFaces) -> dict[str, Any]:
    """Figures of one row; None where there are no annotations or no float model to compare with.

    NME, drops and deviation in %, pose in degrees; intervals are 95 % bootstrap over faces.
    """
    figures: dict[str, Any] = dict.fromkeys(FIGURES)
    figures |= {"faces": len(faces.crops), "on": faces.description}
    if reference is not None:
        far = metrics.deviation(outputs[0], reference[0], faces.scheme)
        figures["deviation_iod_percent"] = 100 * float(far.mean())
    if faces.landmarks is not None:
        figures |= _against_truth(outputs, reference, faces)
    return figures


def _against_truth(
    outputs: Outputs, reference: Outputs | None, faces: EvaluationFaces
) -> dict[str, Any]:
    assert faces.landmarks is not None and faces.pose is not None
    errors = metrics.nme(outputs[0], faces.landmarks, faces.scheme)
    pose = metrics.angle_errors(outputs[1], faces.pose).mean(axis=0)
    figures = {
        "nme": 100 * float(errors.mean()),
        "failure_rate": metrics.failure_rate(errors, FAILURE),
        "auc": metrics.auc(errors, FAILURE),
        "pose_mae": dict(zip(AXES, pose.tolist(), strict=True)),
        "pose_truth": "exact" if faces.pose_is_exact else "fitted to the annotated landmarks",
    }
    if reference is not None:
        before = metrics.nme(reference[0], faces.landmarks, faces.scheme)
        pose_before = metrics.angle_errors(reference[1], faces.pose).mean(axis=0)
        drop = 100 * (errors - before)
        figures |= {
            "nme_drop": float(drop.mean()),
            "nme_drop_interval": list(metrics.bootstrap_interval(drop)),
            "pose_mae_drop": dict(zip(AXES, (pose - pose_before).tolist(), strict=True)),
        }
    return figures
