"""Accuracy under conditions that may make a face hard, such as yaw, a closed eye, a real detector.

They depend on the annotations alone, so that the bins are the same for each model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.evaluation.subsets import Predictions
from asmnet_edge.benchmarks.evaluation_faces import failure_threshold
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.crop import cut, from_relative, invert, transform
from asmnet_edge.geometry.landmarks import Box, FloatArray
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.runtime.detector import Detector
from asmnet_edge.runtime.haar import detect_haar

LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))  # upper and lower, of the 68 iBUG points
EYES = ((36, 39), (42, 45))  # corners
LIPS = (62, 66)  # middle of the inner mouth, upper and lower


@dataclass(frozen=True)
class Condition:
    """A property that differs from face to face, and the edges of its bins.

    values : the property of each face, (faces,)
    """

    name: str
    edges: tuple[float, ...]
    values: Callable[[Predictions], FloatArray]


def conditions_of(predictions: Predictions) -> list[dict[str, Any]]:
    """Return NME in %, its interval and the failure rate in each bin of each of `CONDITIONS`."""
    errors = predictions.errors
    return [
        {
            "name": condition.name,
            "bins": [
                {**ends, **_figures(predictions, errors, chosen)}
                for ends, chosen in bins(condition.values(predictions), condition.edges)
            ],
        }
        for condition in CONDITIONS
    ]


def bins(
    values: FloatArray, edges: Sequence[float]
) -> list[tuple[dict[str, float | None], NDArray[np.intp]]]:
    """Return the ends of each bin (None: open) and the faces in it; without empty bins."""
    numbers = np.digitize(values, edges)
    limits = [None, *edges, None]
    found = [(limits[k : k + 2], np.flatnonzero(numbers == k)) for k in range(len(edges) + 1)]
    return [({"from": low, "to": high}, chosen) for (low, high), chosen in found if len(chosen)]


def _figures(
    predictions: Predictions, errors: FloatArray, chosen: NDArray[np.intp]
) -> dict[str, Any]:
    truth = predictions.truth.select(chosen)
    return {
        "faces": len(chosen),
        "nme": 100 * float(errors[chosen].mean()),
        "nme_interval": truth.interval(100 * errors[chosen]),
        "failure_rate": metrics.failure_rate(errors[chosen], failure_threshold(truth.scheme)),
    }


def _points(predictions: Predictions) -> FloatArray:
    """Annotated landmarks (faces, 68, 2) in pixels of their pictures, in the order of iBUG."""
    points = np.stack([sample.landmarks.points for sample in predictions.samples])
    return points[:, list(predictions.truth.scheme.to_ibug68)]


def _apart(points: FloatArray, pairs: Sequence[tuple[int, int]]) -> FloatArray:
    """Mean distance of the ``pairs`` of ``points`` (faces, 68, 2), (faces,)."""
    return np.mean([np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in pairs], axis=0)


def _eyes(predictions: Predictions) -> FloatArray:
    """Opening of the lids over the eyes' length, (faces,)."""
    points = _points(predictions)
    return _apart(points, LIDS) / _apart(points, EYES)


def _mouth(predictions: Predictions) -> FloatArray:
    """Distance of the inner lips over that of the outer eye corners, (faces,)."""
    points = _points(predictions)
    return _apart(points, [LIPS]) / _apart(points, [(36, 45)])


def longer_sides(predictions: Predictions) -> FloatArray:
    """Return the longer side of each face's box in pixels of its picture, (faces,)."""
    boxes = [sample.landmarks.box for sample in predictions.samples]
    return np.array([max(box.width, box.height) for box in boxes])


def _angle(axis: str, signed: bool = False) -> Callable[[Predictions], FloatArray]:
    number = AXES.index(axis)

    def values(predictions: Predictions) -> FloatArray:
        angles = predictions.truth.pose[:, number]
        return angles if signed else np.abs(angles)

    return values


CONDITIONS = (
    Condition("yaw", (10, 20, 30), _angle("yaw")),
    Condition("pitch", (-20, -10, 10, 20), _angle("pitch", signed=True)),
    Condition("roll", (10, 20), _angle("roll")),
    Condition("eyes", (0.2, 0.3), _eyes),
    Condition("mouth", (0.05, 0.15), _mouth),
    Condition("size", (100, 150, 200), longer_sides),
)
TURNED = (10.0, 20.0, 30.0, 40.0)  # degrees of |yaw| between the bins of pose errors


def pose_by_yaw(predictions: Predictions) -> list[dict[str, Any]]:
    """Return the pose MAE in degrees by axis, by range of |yaw|."""
    errors = metrics.angle_errors(predictions.outputs[1], predictions.truth.pose)
    turned = bins(np.abs(predictions.truth.pose[:, 0]), TURNED)
    return [
        {
            **ends,
            "faces": len(chosen),
            **dict(zip(AXES, errors[chosen].mean(axis=0).tolist(), strict=True)),
        }
        for ends, chosen in turned
    ]


# Accuracy with a detector's boxes in place of the annotated ones

NAME = "OpenCV's Haar cascade"


def with_detector(
    model: CallableModel,
    found: Predictions,
    tick: Callable[[], None],
    detect: Detector = detect_haar,
) -> dict[str, Any]:
    """Return the NME in % with the boxes of ``detect``, and with annotated ones on the same faces.

    A face is found if a box has its centre within the annotated one. If none is found, there are
    counts only.
    """
    boxes: dict[int, Box] = {}
    for number, sample in enumerate(found.samples):
        tick()
        if box := _box(sample, detect):
            boxes[number] = box
    counts = {"name": NAME, "faces": len(boxes), "of": len(found.samples)}
    if not boxes:
        return counts
    chosen = np.array(list(boxes), np.intp)
    values = 100 * _errors(model, [found.samples[n] for n in boxes], list(boxes.values()))
    truth, before = found.truth.select(chosen), 100 * found.errors[chosen]
    threshold = 100 * failure_threshold(truth.scheme)
    return {
        **counts,
        "nme": float(values.mean()),
        "nme_interval": truth.interval(values),
        "nme_annotated": float(before.mean()),
        "rise": float((values - before).mean()),
        "rise_interval": truth.interval(values - before),
        "failure_rate": metrics.failure_rate(values, threshold),
        "failure_rate_annotated": metrics.failure_rate(before, threshold),
    }


def _box(sample: Sample, detect: Detector) -> Box | None:
    """Largest box whose centre lies in the face of ``sample``, if there is one."""
    face = sample.landmarks.box
    low, far = np.array([face.x, face.y]), np.array([face.width, face.height])
    shares = ((box, (np.array(box.centre) - low) / far) for box in detect(sample.load()))
    return next((box for box, share in shares if (share > 0).all() and (share < 1).all()), None)


def _errors(model: CallableModel, samples: Sequence[Sample], boxes: Sequence[Box]) -> FloatArray:
    """NME of each of ``samples`` in its box, (faces,), as a fraction."""
    matrices, size = [model.crop.matrix(box) for box in boxes], model.crop.size
    crops = [
        cut(sample.load(), matrix, size)[..., ::-1]
        for sample, matrix in zip(samples, matrices, strict=True)
    ]
    relative, _ = model.outputs(np.ascontiguousarray(np.stack(crops)))
    points = [
        transform(from_relative(face, size), invert(matrix))
        for face, matrix in zip(relative, matrices, strict=True)
    ]
    annotated = np.stack([sample.landmarks.points for sample in samples])
    return metrics.nme(np.stack(points), annotated, model.scheme)
