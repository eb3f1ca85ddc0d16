"""What an artifact's landmarks are worth, and what they lost against the float model's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import (
    Outputs,
    Truth,
    check_sizes,
    truth_figures,
    truth_of,
)
from asmnet_edge.crop import CropRule
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Dataset, Missing, Sample
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import AXES
from asmnet_edge.schemes import LandmarkScheme

FIGURES = (
    *("nme", "nme_interval", "nme_by_region", "nme_drop", "nme_drop_interval", "failure_rate"),
    *("auc", "deviation_iod_percent", "deviation_pixels", "deviation_by_region"),
    *("pose_mae", "pose_mae_drop", "pose_mae_drop_interval", "pose_truth", "errors"),
)


@dataclass(frozen=True)
class EvaluationFaces:
    """Faces to evaluate on, as the network sees them.

    crops : (faces, s, s, 3) uint8 RGB; landmarks : (faces, n, 2) relative to them, or None where
    only deviation is asked for; pose : (faces, 3) degrees, fitted to the annotated landmarks
    unless ``pose_is_exact``; description : data set and subset; missing : what this copy of the
    data set lacks of the subset; drawn : no photos; annotations_sha256 : as `hash_of` gives it
    identities : as in `Truth`
    """

    crops: NDArray[np.uint8]
    landmarks: FloatArray | None
    pose: FloatArray | None
    scheme: LandmarkScheme
    crop: CropRule
    description: str
    pose_is_exact: bool = False
    missing: tuple[Missing, ...] = ()
    drawn: bool = False
    annotations_sha256: str | None = None
    identities: tuple[str, ...] = ()

    @property
    def truth(self) -> Truth | None:
        """The annotations, None where only deviation is asked for."""
        if self.landmarks is None or self.pose is None:
            return None
        exact, identities = self.pose_is_exact, self.identities
        return Truth(self.landmarks, self.pose, self.scheme, exact, identities)


def faces_of(dataset: Dataset, subset: str, rule: CropRule, annotated: bool) -> EvaluationFaces:
    """The faces of ``subset``, cut by ``rule`` around their annotated landmarks; always level."""
    rule = rule.level
    samples, missing = dataset.samples(subset), tuple(dataset.missing(subset))
    for sample in samples:
        check_sizes(sample)
    crops, scheme, name = crops_of(samples, rule), dataset.scheme, f"{dataset.name} {subset}"
    faces = EvaluationFaces(
        *(crops, None, None, scheme, rule, name),
        missing=missing,
        drawn=any(sample.drawn for sample in samples),
        annotations_sha256=hash_of(samples),
    )
    if not annotated:
        return faces
    truth = truth_of(samples, rule)
    return replace(
        faces,
        landmarks=truth.landmarks,
        pose=truth.pose,
        pose_is_exact=truth.pose_is_exact,
        identities=truth.identities,
    )


def hash_of(samples: Sequence[Sample]) -> str:
    """Of the annotations in pixels of their pictures, in order, to a hundredth.

    The same wherever the faces lie and however they are called and cut.
    """
    digest = hashlib.sha256()
    for sample in samples:
        digest.update((sample.landmarks.points.round(2) + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()


def accuracy(outputs: Outputs, reference: Outputs | None, faces: EvaluationFaces) -> dict[str, Any]:
    """Figures of one row; None where there are no annotations or no float model to compare with.

    NME, drops and deviation in %, pose in degrees; intervals are 95 % bootstrap over faces, those
    of one identity together.
    """
    figures: dict[str, Any] = dict.fromkeys(FIGURES)
    figures |= {"faces": len(faces.crops), "on": faces.description}
    if reference is not None:
        figures |= deviations(outputs, reference, faces)
    if faces.truth is not None:
        figures |= _errors(outputs, faces.truth)
        figures |= {} if reference is None else _drops(outputs, reference, faces.truth)
    return figures


def deviations(outputs: Outputs, reference: Outputs, faces: EvaluationFaces) -> dict[str, Any]:
    """Distance to the float model's landmarks: % of the inter-ocular distance, and crop pixels."""
    far = 100 * metrics.point_errors(outputs[0], reference[0], faces.scheme)
    pixels = np.linalg.norm(outputs[0] - reference[0], axis=-1) * faces.crop.size
    by_pixels = metrics.by_region(pixels, faces.scheme)
    return {
        "deviation_iod_percent": float(far.mean()),
        "deviation_pixels": float(pixels.mean()),
        "deviation_by_region": {
            name: {"iod_percent": percent, "pixels": by_pixels[name]}
            for name, percent in metrics.by_region(far, faces.scheme).items()
        },
    }


def _errors(outputs: Outputs, truth: Truth) -> dict[str, Any]:
    """The figures of `truth_figures`, and the NME of each face in %."""
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
