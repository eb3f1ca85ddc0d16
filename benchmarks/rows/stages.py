"""From an encoded picture to landmarks in its pixels, each stage timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from asmnet_edge.benchmarks.rows.candidates import Candidate
from asmnet_edge.crop import cut, from_relative, invert, transform
from asmnet_edge.runtime.detect import detect_haar
from asmnet_edge.runtime.detector import whole_picture

STAGES = ("decode", "detect", "crop", "infer", "restore", "total")
Stages = dict[str, list[float]]


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """Let OpenCV use as many threads as the row does; it would take all cores."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def pass_through(candidate: Candidate, picture: bytes, calls: int) -> Stages:
    """``calls`` passes of the encoded ``picture``; the first, which warms up, is not among them."""
    encoded = np.frombuffer(picture, np.uint8)
    passes = [_one_pass(candidate, encoded) for _ in range(calls + 1)][1:]
    return {name: [times[i] for times in passes] for i, name in enumerate(STAGES)}


def _one_pass(candidate: Candidate, encoded: np.ndarray) -> list[float]:  # type: ignore[type-arg]
    """Milliseconds of each of `STAGES`.

    Where the detector finds nobody the whole picture is the face: its time counts all the same.
    """
    marks = [perf_counter()]
    image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    marks.append(perf_counter())
    box = (detect_haar(image) or whole_picture(image, candidate.crop.margin))[0]
    marks.append(perf_counter())
    matrix = candidate.crop.matrix(box)
    crop = np.ascontiguousarray(cut(image, matrix, candidate.crop.size)[None, ..., ::-1])
    marks.append(perf_counter())
    landmarks, _ = candidate.backend.run(crop)
    marks.append(perf_counter())
    transform(from_relative(np.asarray(landmarks, float), candidate.crop.size), invert(matrix))
    marks.append(perf_counter())
    return [1e3 * d for d in (*np.diff(marks), marks[-1] - marks[0])]


def stage_figures(stages: Stages) -> dict[str, dict[str, Any]]:
    """p50 and p90 of each stage in ms, and the samples."""
    return {
        name: {
            **{f"p{p}": float(np.percentile(values, p)) for p in (50, 90)},
            "calls": len(values),
            "samples": [round(value, 4) for value in values],
        }
        for name, values in stages.items()
    }


def picture_facts(picture: bytes) -> dict[str, int]:
    """Size of the encoded ``picture`` in pixels and bytes."""
    image = np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR))
    height, width = image.shape[:2]
    return {"width": width, "height": height, "bytes": len(picture)}
