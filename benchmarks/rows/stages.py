"""Stages between an encoded picture and its landmarks, timed in the landmarker that users run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.benchmarks.record_types import PictureFacts, StageResult
from asmnet_edge.benchmarks.rows.candidates import CallableModel
from asmnet_edge.crop import CropRule
from asmnet_edge.landmarks import Box
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.artifact import Artifact
from asmnet_edge.runtime.backends.backend import InferenceBackend
from asmnet_edge.runtime.detect import detect_haar
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.schemes import LandmarkScheme

# of a still, as `predict` treats it: its face is cut twice, so crop and infer are of two crops;
# track: one more frame of a video, as `FaceTracker` follows the face in it: one crop, no detection
STAGES = ("decode", "detect", "crop", "infer", "restore", "total", "track")
Stages = dict[str, list[float]]


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """Limit OpenCV to the threads of the case within the block; it would take all cores."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@dataclass(frozen=True)
class _Contract:
    """The part of a manifest that a landmarker needs, for models that have none."""

    crop_rule: CropRule
    landmark_scheme: LandmarkScheme


@dataclass(frozen=True)
class _Loaded:
    """A `CallableModel` in the place of an `Artifact`."""

    path: Path
    manifest: _Contract
    backend: InferenceBackend


def landmarker_of(model: CallableModel) -> FaceLandmarker:
    """Return the landmarker of ``predict`` around ``model``, looking for one face."""
    contract = _Contract(model.crop, model.scheme)
    loaded = _Loaded(Path(model.description.name), contract, model.backend)
    return FaceLandmarker(cast(Artifact, loaded), partial(_largest_face, margin=model.crop.margin))


def _largest_face(picture: Picture, margin: float) -> Sequence[Box]:
    """Return the largest face, or the whole picture where Haar finds none, after the same time."""
    return (detect_haar(picture) or whole_picture(picture, margin))[:1]


def time_stages(model: CallableModel, picture: bytes, calls: int) -> Stages:
    """Milliseconds of each of `STAGES` in ``calls`` passes of the encoded ``picture``.

    One more pass, which warms up, is not among them.
    """
    landmarker, encoded = landmarker_of(model), np.frombuffer(picture, np.uint8)
    passes = [_one_pass(landmarker, encoded) for _ in range(calls + 1)][1:]
    return {name: [times[name] for times in passes] for name in STAGES}


def _one_pass(landmarker: FaceLandmarker, encoded: NDArray[np.uint8]) -> dict[str, float]:
    start = perf_counter()
    image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    decoded = perf_counter()
    (face,) = landmarker.detect(image)
    found, spent = perf_counter(), replace(landmarker.timings)  # the next call adds to them
    landmarker.landmarks(image, face.landmarks)
    tracked = perf_counter()
    return {
        "decode": 1e3 * (decoded - start),
        "detect": spent.detect,
        "crop": spent.crop,
        "infer": spent.infer,
        "restore": spent.decode,
        "total": 1e3 * (found - start),
        "track": 1e3 * (tracked - found),
    }


def stage_results(stages: Mapping[str, Sequence[float]]) -> dict[str, StageResult]:
    """p50 and p90 of each stage in ms, and the samples."""
    return {
        name: StageResult(
            p50=float(np.percentile(values, 50)),
            p90=float(np.percentile(values, 90)),
            calls=len(values),
            samples=tuple(round(value, 4) for value in values),
        )
        for name, values in stages.items()
    }


def picture_facts(picture: bytes) -> PictureFacts:
    """Size of the encoded ``picture`` in pixels and bytes."""
    image = np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR))
    height, width = image.shape[:2]
    return PictureFacts(width, height, len(picture))
