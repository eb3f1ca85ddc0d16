"""Faces of known landmarks, backends with given answers, and two real artifacts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shared

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.cases import Case, LatencyPlan
from asmnet_edge.benchmarks.evaluation_faces import EvaluationFaces, FaceSource
from asmnet_edge.benchmarks.latency_statistics import Latency
from asmnet_edge.benchmarks.phases import MeasuredCase
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.benchmarks.record_types import ModelDescription
from asmnet_edge.benchmarks.worker_process import LocalRunner
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68


@pytest.fixture(scope="session")
def float_file() -> Path:
    return shared.float_file()


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The small model as TFLite: float32, int8."""
    wanted = ("tflite", "float32"), ("tflite", "int8")
    return list(shared.artifacts_into(tmp_path_factory.mktemp("made"), *wanted).values())


@pytest.fixture(scope="session")
def faces(face_points: Callable) -> EvaluationFaces:
    """Three faces whose crops of 96 pixels are black, 0; dark, 1; a little less so, 2."""
    landmarks = np.stack([face_points(unit=u, centre=(0.5, 0.5)) for u in (0.15, 0.2, 0.25)])
    pose = np.array([[0.0, 0, 0], [10, 5, -5], [-20, 10, 15]])
    crops = np.zeros((3, 96, 96, 3), np.uint8) + np.arange(3, dtype=np.uint8)[:, None, None, None]
    rule = CropRule(size=crops.shape[1])
    return EvaluationFaces(crops, IBUG68, landmarks, pose, crop=rule, description="three faces")


@pytest.fixture
def candidate(faces: EvaluationFaces) -> Callable[..., CallableModel]:
    """A model that knows the truth of `faces` and misses it by ``right`` inter-ocular distances."""

    def make(name: str, right: float = 0.0, source: str = "ff") -> CallableModel:
        left_corner, right_corner = faces.scheme.eye_corners
        eyes = faces.landmarks[:, left_corner] - faces.landmarks[:, right_corner]
        offset = right * np.linalg.norm(eyes, axis=1)

        def run(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            number = int(np.median(crop))  # as it is under noise, too
            return faces.landmarks[number] + [offset[number], 0], faces.pose[number]

        precision = "float32" if name.endswith(".keras") else "int8"
        description = ModelDescription(
            name=name, format="fake", precision=precision, bytes=2_500_000, runtime="fake 1.0",
            parameters=1_439_507, multiply_adds=256_495_816, threads=1,
            source_sha256=source,
        )  # fmt: skip
        backend = SimpleNamespace(name="fake 1.0", run=run)
        return CallableModel(description, backend, faces.crop, faces.scheme)

    return make


SHORT = LatencyPlan(4, 0, rounds=2, warmup_seconds=0, cold_starts=0, stage_calls=0)


@pytest.fixture
def short() -> LatencyPlan:
    """Four calls in two rounds, and nothing besides."""
    return SHORT


@pytest.fixture
def source(faces: EvaluationFaces) -> FaceSource:
    """`faces`, whatever rule they are asked for by, and a dark picture."""
    return FaceSource(faces.scheme, lambda rule: faces, lambda: np.full((48, 64, 3), 1, np.uint8))


@pytest.fixture
def measured(candidate: Callable[..., CallableModel]) -> Callable[..., MeasuredCase]:
    """A case of a run around a `candidate`, as if the file ``name`` had been opened."""

    def make(name: str, right: float = 0.0, source: str = "ff", **facts: Any) -> MeasuredCase:
        case, model = Case(Path(name)), candidate(name, right, source)
        identity = {"file": name, "sha256": "aa", "cpus": (), "compared": True}
        unmeasured = replace(model.unmeasured(case.key), **{**identity, **facts})
        return MeasuredCase(case, LocalRunner(model, unmeasured), unmeasured)

    return make


@pytest.fixture
def row() -> Callable[..., dict[str, Any]]:
    """A row of a record with these samples, round by round."""

    def make(rounds: list[list[float]], key: str = "a.tflite", **more: Any) -> dict[str, Any]:
        latency = to_json(Latency.of(rounds).result())
        return {"name": key, "key": key, "file": key, "format": "tflite", "precision": "int8",
                "runtime": "fake 1.0", "threads": 1, "bytes": 1_800_000, "parameters": 1_439_507,
                "multiply_adds": 256_495_816, "operators": {"total": 67, "int8": 65},
                "compared": True, "cpus": [], "sha256": "aa", "source_sha256": "ff",
                "unsteady": [], "latency_ms": latency,
                **more}  # fmt: skip

    return make


REPORTED = {
    "kind": "quick",
    "threads": [1],
    "latency": {"queries": 8, "seconds": 1.0, "rounds": 4, "stage_calls": 3, "cold_starts": 1},
    "sustain_seconds": 0,
    "faces": {"count": 3, "on": "three <faces>", "missing": [], "scheme": "ibug68"},
    "reference": "float.keras",
}


def accuracy(drop: float, width: float = 0.01) -> dict[str, Any]:
    region = {name: {"iod_percent": 0.1 * n, "pixels": n} for n, name in enumerate(IBUG68.groups)}
    return {"nme": 4.8 + drop, "nme_drop": drop, "failure_rate": 0.04,
            "nme_drop_interval": [drop - width, drop + width], "deviation_by_region": region,
            "deviation_iod_percent": 0.3, "pose_mae": {"yaw": 1.0, "pitch": 1.0, "roll": 1.0},
            "jitter": {"still_iod_percent": 0.2, "moving_iod_percent": 0.6}}  # fmt: skip


@pytest.fixture
def record(row: Callable[..., dict[str, Any]]) -> BenchmarkRecord:
    """A float row, a quick row, one with two threads, a lossy and a failed one, and a portrait."""
    rng = np.random.default_rng(0)

    def calls(level: float) -> list[list[float]]:
        return (level * (1 + rng.gamma(1, 0.05, (4, 30)))).tolist()

    points = [{"at": n, "seconds": 1.0, "p50": 2 + n / 10, "mhz": 1500.0, "celsius": 60.0 + n,
               "throttled": 4 * (n > 2)} for n in range(5)]  # fmt: skip
    sustained = {"points": points, "seconds": 5.0, "first_p50": 2.0, "last_p50": 2.4,
                 "change_percent": 20.0}  # fmt: skip
    stages = {n: {"p50": 1.0, "p90": 2.0} for n in ("decode", "detect", "crop", "infer",
                                                    "restore", "total")}  # fmt: skip
    cold = {"total_ms": 210.0, "peak_rss_mib": 70.0, "installed_bytes": 300_000_000,
            "packages": {"numpy": 70_000_000}}  # fmt: skip
    rows = [
        row(calls(9), "float.keras", format="keras", precision="float32", accuracy=accuracy(0)),
        row(calls(3), "quick.tflite", accuracy=accuracy(0.02), stages_ms=stages, cold_start=cold,
            sustained=sustained, unsteady=["it <rained>"]),
        row(calls(2.9), "threads.tflite, 2 threads", threads=2, accuracy=accuracy(0.02),
            stages_ms=stages),
        row(calls(1), "lossy.onnx", format="onnx", accuracy=accuracy(0.4)),
        {"name": "bad.onnx", "key": "bad.onnx", "error": "it <fell> over"},
    ]  # fmt: skip
    landmarks = rng.random((68, 2)).tolist()
    portrait = {"row": "quick.tflite", "face": 2, "deviation_iod_percent": 1.5,
                "jpeg": "AAAA", "landmarks": landmarks, "reference": landmarks}  # fmt: skip
    return BenchmarkRecord.begin(REPORTED).with_results(rows, portraits=[portrait])
