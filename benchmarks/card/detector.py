"""Accuracy with a detector's boxes in place of the annotated ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import failure_threshold
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.benchmarks.evaluation.evaluation import Predictions
from asmnet_edge.crop import cut, from_relative, invert, transform
from asmnet_edge.data.sample import Sample
from asmnet_edge.landmarks import Box, FloatArray
from asmnet_edge.runtime.detect import detect_haar
from asmnet_edge.runtime.detector import Detector

NAME = "OpenCV's Haar cascade"


def with_detector(
    model: EvaluatedModel,
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


def _errors(model: EvaluatedModel, samples: Sequence[Sample], boxes: Sequence[Box]) -> FloatArray:
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
