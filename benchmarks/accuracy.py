"""Accuracy of a model: errors, drops, deviation from the float model, jitter, worst faces."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np

from asmnet_edge.benchmarks.evaluation_faces import EvaluationFaces, Outputs
from asmnet_edge.benchmarks.record_types import (
    AccuracyResult,
    Jitter,
    Point,
    Portrait,
    RegionDeviation,
)
from asmnet_edge.datasets.annotated_crops import Annotations
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.crop import FILL
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.runtime.backends.backend import Crop


def accuracy(outputs: Outputs, reference: Outputs | None, faces: EvaluationFaces) -> AccuracyResult:
    """Measure ``outputs`` on ``faces``: errors where these are annotated, drops, deviation.

    reference : the float model's outputs, None where there is none to compare with
    Intervals are 95 % bootstrap over faces, those of one identity together.
    """
    figures: dict[str, Any] = {"faces": len(faces.crops), "on": faces.description}
    if reference is not None:
        figures |= deviations(outputs, reference, faces)
    if faces.annotations is not None:
        figures |= _errors(outputs, faces.annotations)
        figures |= {} if reference is None else _drops(outputs, reference, faces.annotations)
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


def truth_figures(outputs: Outputs, truth: Annotations) -> dict[str, Any]:
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


def _errors(outputs: Outputs, truth: Annotations) -> dict[str, Any]:
    """Add the NME of each face in % to `truth_figures`."""
    errors = 100 * metrics.nme(outputs[0], truth.landmarks, truth.scheme)
    figures = truth_figures(outputs, truth)
    return {**figures, "errors": [round(error, 5) for error in errors.tolist()]}


def _drops(outputs: Outputs, reference: Outputs, truth: Annotations) -> dict[str, Any]:
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


# Jitter of landmarks from frame to frame, which NME on single pictures does not show

FACES, FRAMES = 4, 12
NOISE = 2.0  # standard deviation of the sensor noise, of 255
STEP = (0.37, 0.23)  # pixels of a 224 crop that it slides from frame to frame


def jitter(
    predict: Callable[[Crop], tuple[FloatArray, FloatArray]], crops: Crop, scheme: LandmarkScheme
) -> Jitter:
    """Measure the RMS distance of a landmark to its mean place, % of the inter-ocular distance.

    crops : (faces, s, s, 3), the first `FACES` of which are used

    The frames are made from each crop, in the same way for every model. `still`: the same crop
    with fresh sensor noise in each frame. `moving`: the crop slides by fractions of a pixel, and
    the landmarks are moved back by the same; the movement that remains is the network's.
    """
    found: dict[str, list[float]] = {"still": [], "moving": []}
    for crop in crops[:FACES]:
        for name, (frames, shifts) in (("still", still(crop)), ("moving", moving(crop))):
            landmarks = predict(frames)[0] - shifts[:, None] / crop.shape[0]
            found[name].append(_deviation_from_mean(landmarks, scheme))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return Jitter(means["still"], means["moving"], len(crops[:FACES]), FRAMES)


def _deviation_from_mean(landmarks: FloatArray, scheme: LandmarkScheme) -> float:
    """RMS distance of ``landmarks`` (frames, n, 2) of one unmoving face to their mean."""
    mean = landmarks.mean(axis=0)
    squares = ((landmarks - mean) ** 2).sum(axis=2)
    return 100 * float(np.sqrt(squares.mean()) / metrics.inter_ocular(mean[None], scheme)[0])


def still(crop: Crop) -> tuple[Crop, FloatArray]:
    """Return ``crop`` (s, s, 3) under noise, (FRAMES, s, s, 3), and its shifts: none."""
    rng = np.random.default_rng(0)
    noisy = crop + rng.normal(0, NOISE, (FRAMES, *crop.shape))
    return np.clip(noisy.round(), 0, 255).astype(np.uint8), np.zeros((FRAMES, 2))


def moving(crop: Crop) -> tuple[Crop, FloatArray]:
    """Return ``crop`` (s, s, 3) sliding, (FRAMES, s, s, 3), and its pixel shifts (FRAMES, 2)."""
    size = crop.shape[0]
    shifts = np.arange(FRAMES)[:, None] * np.array(STEP) * size / 224
    frames = [_slid(crop, shift) for shift in shifts]
    return np.stack(frames), shifts


def _slid(crop: Crop, shift: FloatArray) -> Crop:
    matrix = np.column_stack([np.eye(2), shift])
    size = (crop.shape[1], crop.shape[0])
    fill = (FILL, FILL, FILL)
    return cv2.warpAffine(  # type: ignore[return-value]
        crop, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )


# Portraits: the faces that an artifact moved most against the float model, small for a record

COUNT, SIDE, QUALITY = 6, 160, 80
VISIBLE = 0.01  # % below which a difference cannot be seen


@dataclass(frozen=True)
class Portraits:
    """Faces of one run; reference : the float model's outputs for ``faces``."""

    faces: EvaluationFaces
    reference: Outputs

    def of(self, key: str, outputs: Outputs) -> list[Portrait]:
        """Return the worst faces of the row ``key``."""
        far = 100 * metrics.deviation(outputs[0], self.reference[0], self.faces.scheme)
        worst = [n for n in np.argsort(-far, kind="stable")[:COUNT].tolist() if far[n] > VISIBLE]
        return [
            Portrait(
                row=key,
                face=number,
                deviation_iod_percent=float(far[number]),
                jpeg=_jpeg(self.faces.crops[number]),
                landmarks=_pairs(outputs[0][number]),
                reference=_pairs(self.reference[0][number]),
            )
            for number in worst
        ]


def _pairs(points: FloatArray) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in points.round(4))


def _jpeg(crop: Crop) -> str:
    small = cv2.resize(crop[..., ::-1], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return base64.b64encode(encoded.tobytes()).decode()
