"""Timing in the process of a case: warm-up, a round of calls, stages, a reference workload."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from time import perf_counter, process_time

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.record_types import PictureFacts, StageResult, WarmUp
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.backends.backend import InferenceBackend
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.runtime.haar import detect_haar
from asmnet_edge.runtime.landmarker import FaceLandmarker

Call = Callable[[], object]

LEAD_CALLS, LEAD_SECONDS = 3, 0.02  # before a round counts: other cases have had the caches
LEAD_ENOUGH = 0.5  # seconds after which the lead-in of a slow case ends, after one call at least
WINDOW, LEAST_WINDOW = 20, 3  # calls that two neighbouring medians of the warm-up are taken over
STEADY = 0.05  # relative change between them that counts as steady


@dataclass(frozen=True)
class Turn:
    """Calls of one case in one round.

    samples : ms of each, in order; wall, cpu : seconds of the round, and of processor time that the
    process used in it; preemptions : involuntary context switches
    lead_in : ms of the calls before those, which are in wall and cpu, but in no percentile
    """

    samples: tuple[float, ...]
    wall: float
    cpu: float
    preemptions: int
    lead_in: tuple[float, ...] = ()


def take_turn(call: Call, queries: int, seconds: float) -> Turn:
    """Time at least ``queries`` calls and ``seconds`` of calling, after a lead-in."""
    samples: list[float] = []
    before, cpu, start = _preemptions(), process_time(), perf_counter()
    lead_in = _lead_in(call)
    end = perf_counter() + seconds
    while len(samples) < queries or perf_counter() < end:
        samples.append(time_call(call))
    wall, used = perf_counter() - start, process_time() - cpu
    return Turn(tuple(samples), wall, used, _preemptions() - before, tuple(lead_in))


def _lead_in(call: Call) -> list[float]:
    """Call for `LEAD_SECONDS` and at least `LEAD_CALLS` times, but not beyond `LEAD_ENOUGH`."""
    samples: list[float] = []
    start = perf_counter()
    while len(samples) < LEAD_CALLS or perf_counter() < start + LEAD_SECONDS:
        samples.append(time_call(call))
        if perf_counter() > start + LEAD_ENOUGH:
            break
    return samples


def warm_up(call: Call, seconds: float) -> WarmUp:
    """Call until two neighbouring medians agree or ``seconds`` are over after the first call."""
    start, samples, steady = perf_counter(), [time_call(call)], False
    end = perf_counter() + seconds
    while not steady and perf_counter() < end:
        samples.append(time_call(call))
        steady = _settled(samples, window_of(samples, seconds))
    enough = len(samples) >= 2 * LEAST_WINDOW
    return WarmUp(len(samples), perf_counter() - start, steady if enough else None)


def window_of(samples: list[float], seconds: float) -> int:
    """`WINDOW`, or fewer calls where they are so slow that two windows would fill half the time."""
    within = int(1e3 * seconds / 4 / max(float(np.median(samples)), 1e-9))
    return max(LEAST_WINDOW, min(WINDOW, within))


def _settled(samples: list[float], window: int) -> bool:
    if len(samples) < 2 * window:
        return False
    before, now = np.median(samples[-2 * window : -window]), np.median(samples[-window:])
    return bool(abs(now / before - 1) < STEADY)


def time_call(call: Call) -> float:
    """Milliseconds that one ``call`` takes."""
    start = perf_counter()
    call()
    return 1e3 * (perf_counter() - start)


def _preemptions() -> int:
    """Involuntary context switches of this process; 0 where the system does not count them."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


# Reference workload, timed beside the models: it separates a slow machine from a slow model

REPEATS = 40


@cache
def _numbers() -> NDArray[np.float32]:
    return np.random.default_rng(0).random(2**15, np.float32)


def _work() -> None:
    numbers = _numbers()
    np.sort(numbers)
    for _ in range(10):
        np.sqrt(numbers * numbers + 1).sum()


def yardstick(cpus: Sequence[int] = ()) -> list[float]:
    """Time the workload `REPEATS` times, in ms; pinned to the cores ``cpus`` if there are any.

    It sorts and sums numbers that fit the second-level cache, on one thread. It shows a change of
    the machine's speed even where sensors are missing, as in virtual machines and containers.
    """
    with _pinned_to(cpus):
        return [time_call(_work) for _ in range(REPEATS)]


@contextmanager
def _pinned_to(cpus: Sequence[int]) -> Iterator[None]:
    """Pin this process to ``cpus`` within the block, where the system supports and allows it."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        with suppress(OSError):
            os.sched_setaffinity(0, cpus)
        yield
    finally:
        os.sched_setaffinity(0, before)


# Stages between an encoded picture and its landmarks, timed in the landmarker that users run

# of a still, as `predict` treats it: its face is cut twice, so crop and infer are of two crops;
# track: one more frame of a video, as `FaceTracker` follows the face in it: one crop, no detection
STAGES = ("decode", "detect", "crop", "infer", "restore", "total", "track")
Stages = dict[str, list[float]]


@dataclass(frozen=True)
class _LandmarkModel:
    """The part of a `CallableModel` that a landmarker needs."""

    path: Path
    crop_rule: CropRule
    landmark_scheme: LandmarkScheme
    backend: InferenceBackend


def landmarker_of(model: CallableModel) -> FaceLandmarker:
    """Return the landmarker of ``predict`` around ``model``, looking for one face."""
    path = Path(model.description.name)
    needed = _LandmarkModel(path, model.crop, model.scheme, model.backend)
    return FaceLandmarker(needed, partial(_largest_face, margin=model.crop.margin))


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
