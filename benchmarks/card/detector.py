"""The same faces as the program itself finds them: with a detector's box for the annotated one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import failure_threshold
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.benchmarks.evaluation.evaluation import Predictions
from asmnet_edge.crop import cut, from_relative, invert, transform
from asmnet_edge.data.sample import Sample
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.runtime.detect import Detector, detect_haar

NAME = "OpenCV's Haar cascade"


def with_detector(
    model: EvaluatedModel,
    found: Predictions,
    tick: Callable[[], None],
    detect: Detector = detect_haar,
) -> dict[str, Any]:
    """NME in % with the boxes of ``detect``, and with the annotated ones on the same faces.

    A face is found when a box has its centre within the annotated one. None of the figures but the
    counts is there when no face is.
    """
    errors: dict[int, float] = {}
    for number, sample in enumerate(found.samples):
        tick()
        if (error := _error(model, sample, detect)) is not None:
            errors[number] = error
    counts = {"name": NAME, "faces": len(errors), "of": len(found.samples)}
    if not errors:
        return counts
    chosen, values = np.array(list(errors), np.intp), 100 * np.array(list(errors.values()))
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


def _error(model: EvaluatedModel, sample: Sample, detect: Detector) -> float | None:
    """NME of ``sample`` in the largest box that lies on it, as a fraction; None without one."""
    picture, face = sample.load(), sample.landmarks.box
    near = (np.array([face.x, face.y]), np.array([face.x + face.width, face.y + face.height]))
    boxes = [b for b in detect(picture) if _within(np.array(b.centre), *near)]
    if not boxes:
        return None
    matrix = model.crop.matrix(boxes[0])
    crop = np.ascontiguousarray(cut(picture, matrix, model.crop.size)[None, ..., ::-1])
    relative, _ = model.outputs(crop)
    points = transform(from_relative(relative, model.crop.size), invert(matrix))
    return float(metrics.nme(points, sample.landmarks.points[None], model.scheme)[0])


def _within(point: FloatArray, low: FloatArray, high: FloatArray) -> bool:
    return bool((point > low).all() and (point < high).all())
