"""Six artifacts of one float model: same bytes in, same meaning out; whole or not at all."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import openvino
import pytest
from ai_edge_litert.interpreter import Interpreter

from asmnet_edge.converters import staging
from asmnet_edge.converters.artifact import convert_artifact
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.checks import parity
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import ConversionJob, exporter_for
from asmnet_edge.converters.tflite.tflite_exporter import TFLiteExporter
from asmnet_edge.errors import CheckFailedError, ModelError, UsageError
from asmnet_edge.formats import format_names, suffixes
from asmnet_edge.geometry.metrics import deviation
from asmnet_edge.io.files import sha256
from asmnet_edge.io.manifest import (
    ArtifactManifest,
    Precision,
    artifact_files,
    manifest_path,
    read_manifest,
)
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.backends.backend import run_all
from asmnet_edge.training.float_model import FloatModel

Find = Callable[[str, str], Path]
FORMATS = pytest.mark.parametrize("name", format_names())
PRECISIONS = pytest.mark.parametrize("precision", ["float32", "int8"])
FLOAT_TFLITE = ConversionJob("tflite", Precision.FLOAT32)


def outputs_of(path: Path, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return run_all(open_artifact(path).backend, crops)


def tensors(path: Path) -> dict[str, tuple[str, list[int]]]:
    """Type and shape of each input and output by name, as the file's runtime reports them."""
    if path.suffix == ".tflite":
        runner = Interpreter(str(path)).get_signature_runner()
        details = {**runner.get_input_details(), **runner.get_output_details()}
        return {n: (np.dtype(d["dtype"]).name, d["shape"].tolist()) for n, d in details.items()}
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
        nodes = [*session.get_inputs(), *session.get_outputs()]
        return {n.name: (names[n.type], n.shape) for n in nodes}
    model = openvino.Core().read_model(path)
    ports = [*model.inputs, *model.outputs]
    return {p.any_name: (p.element_type.to_dtype().name, list(p.shape)) for p in ports}


# what they compute


@FORMATS
def test_float32_is_the_keras_model(
    artifacts: Find, model: FloatModel, crops: np.ndarray, name: str
) -> None:
    landmarks, pose = outputs_of(artifacts(name, "float32"), crops)
    expected, expected_pose = model.predict(crops)
    assert 96 * np.linalg.norm(landmarks - expected, axis=-1).max() < 0.02
    np.testing.assert_allclose(pose, expected_pose, atol=0.01)


@FORMATS
def test_int8_stays_near_the_keras_model(
    artifacts: Find, model: FloatModel, crops: np.ndarray, name: str
) -> None:
    landmarks, pose = outputs_of(artifacts(name, "int8"), crops)
    expected, expected_pose = model.predict(crops)
    far = 100 * deviation(landmarks, expected, model.scheme).mean()
    assert 0.01 < far < 1.0  # not nothing: it is quantised
    assert np.abs(pose - expected_pose).mean() < 1.0


def test_a_model_that_ignores_the_face_would_be_noticed(
    model: FloatModel, crops: np.ndarray
) -> None:
    landmarks, _ = model.predict(crops)
    of_another_face = deviation(np.roll(landmarks, 1, axis=0), landmarks, model.scheme)
    of_the_mean_face = deviation(model.scaling.mean_shape[None], landmarks, model.scheme)
    assert 100 * of_another_face.mean() > 1.0
    assert 100 * of_the_mean_face.mean() > 1.0


@FORMATS
@PRECISIONS
@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_are_crops_too(
    artifacts: Find, model: FloatModel, name: str, precision: str, value: int
) -> None:
    crop = np.full((1, 96, 96, 3), value, np.uint8)
    landmarks, pose = outputs_of(artifacts(name, precision), crop)
    assert (landmarks.shape, pose.shape) == ((1, 68, 2), (1, 3))
    assert np.isfinite(landmarks).all()
    assert np.isfinite(pose).all()


# the contract


@FORMATS
@PRECISIONS
def test_the_file_keeps_the_contract(artifacts: Find, name: str, precision: str) -> None:
    assert tensors(artifacts(name, precision)) == {
        "image": ("uint8", [1, 96, 96, 3]),
        "landmarks": ("float32", [1, 68, 2]),
        "pose": ("float32", [1, 3]),
    }


@FORMATS
@PRECISIONS
def test_the_manifest_states_the_contract(artifacts: Find, name: str, precision: str) -> None:
    path = artifacts(name, precision)
    manifest = read_manifest(path)
    stated = {t["name"]: (t["type"], t["shape"]) for t in (*manifest.inputs, *manifest.outputs)}
    assert stated == tensors(path)


# the manifest


@FORMATS
@PRECISIONS
def test_the_manifest_names_its_source(
    artifacts: Find, model: FloatModel, model_file: Path, name: str, precision: str
) -> None:
    manifest = read_manifest(artifacts(name, precision))
    assert (manifest.format, manifest.precision) == (name, precision)
    assert manifest.model == asdict(model.variant)
    assert manifest.landmark_scheme is model.scheme
    assert manifest.crop_rule == model.crop
    assert manifest.parameters == model.network.count_params()
    assert manifest.source_sha256 == sha256(model_file)
    assert manifest.provenance == model.provenance
    assert manifest.licence == model.provenance["licence"]
    tools = {"asmnet-edge", *exporter_for(name).tools}
    assert manifest.tools.keys() == tools
    assert all(version[0].isdigit() for version in manifest.tools.values())


@FORMATS
def test_only_int8_speaks_of_calibration(
    artifacts: Find, calibration: CalibrationSet, name: str
) -> None:
    assert read_manifest(artifacts(name, "float32")).calibration is None
    assert read_manifest(artifacts(name, "int8")).calibration == calibration.as_json()


@FORMATS
def test_int8_is_smaller(artifacts: Find, name: str) -> None:
    small, large = (read_manifest(artifacts(name, p)).bytes for p in ("int8", "float32"))
    assert small < 0.75 * large


@FORMATS
@PRECISIONS
def test_the_parity_in_the_manifest_is_what_a_user_measures(
    artifacts: Find,
    model: FloatModel,
    calibration: CalibrationSet,
    name: str,
    precision: str,
) -> None:
    path = artifacts(name, precision)
    crops = calibration.held_out
    landmarks, _ = outputs_of(path, crops)
    distances = 96 * np.linalg.norm(landmarks - model.predict(crops)[0], axis=-1)
    stated = read_manifest(path).parity
    assert stated["faces"] == len(crops)
    assert stated["mean_px"] == pytest.approx(distances.mean(), rel=0.01, abs=1e-4)
    assert stated["max_px"] == pytest.approx(distances.max(), rel=0.01, abs=1e-4)


@FORMATS
@PRECISIONS
def test_the_file_carries_its_facts_inside(artifacts: Find, name: str, precision: str) -> None:
    path = artifacts(name, precision)
    beside = json.loads(manifest_path(path).read_text())
    inside = json.loads(exporter_for(name).embedded(path))
    assert inside == {k: v for k, v in beside.items() if k != "files"}


@FORMATS
def test_a_float_file_computes_nothing_in_int8(artifacts: Find, name: str) -> None:
    assert read_manifest(artifacts(name, "float32")).operators == {"total": 67, "int8": 0}


# 48 convolutions, 10 additions, 6 pools, a concatenation and 2 heads: all but the heads, and in
# OpenVINO but the concatenation, whose result only the heads take
@pytest.mark.parametrize(("name", "count"), [("tflite", 65), ("onnx", 65), ("openvino", 64)])
def test_an_int8_file_computes_all_but_its_heads_in_int8(
    artifacts: Find, name: str, count: int
) -> None:
    assert read_manifest(artifacts(name, "int8")).operators == {"total": 67, "int8": count}


# whole or not at all


def test_the_folder_holds_the_artifacts_and_nothing_else(artifacts: Find) -> None:
    folder = artifacts("tflite", "int8").parent
    found = [path for path in folder.iterdir() if path.suffix in suffixes()]
    expected = {
        file.name for path in found for file in (*artifact_files(path), manifest_path(path))
    }
    assert len(found) >= 6
    assert {path.name for path in folder.iterdir()} == expected


# not OpenVINO's int8: NNCF takes its time, and what happens to the file is the same
@pytest.mark.parametrize(
    ("name", "precision"),
    [("tflite", "float32"), ("tflite", "int8"), ("onnx", "int8"), ("openvino", "float32")],
)
def test_what_fails_its_check_leaves_nothing(
    graph: InferenceGraph,
    calibration: CalibrationSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    precision: str,
) -> None:
    limit = {"float32": "MAX_PIXELS_FLOAT32", "int8": "MAX_DEVIATION_INT8"}[precision]
    monkeypatch.setattr(parity, limit, -1.0)
    with pytest.raises(CheckFailedError, match=rf"tiny-{precision}.* deviates by .*the limit is"):
        convert_artifact(
            ConversionJob(name, Precision(precision)), graph, calibration, tmp_path, "tiny"
        )
    assert not list(tmp_path.iterdir())


def test_an_export_that_breaks_off_leaves_nothing(
    graph: InferenceGraph,
    calibration: CalibrationSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def break_off(self: Any, graph: Any, recipe: Any, path: Path) -> None:
        path.write_bytes(b"half of a mod")
        raise RuntimeError("the exporter fell over")

    monkeypatch.setattr(TFLiteExporter, "export", break_off)
    with pytest.raises(RuntimeError, match="fell over"):
        convert_artifact(FLOAT_TFLITE, graph, calibration, tmp_path, "tiny")
    assert not list(tmp_path.iterdir())


def test_numbers_that_are_not_finite_are_a_failed_check(
    model: FloatModel, calibration: CalibrationSet, tmp_path: Path
) -> None:
    nowhere = replace(model.scaling, mean_shape=np.full((68, 2), np.nan))
    graph = InferenceGraph(replace(model, scaling=nowhere))
    with pytest.raises(CheckFailedError, match="not finite"):
        convert_artifact(FLOAT_TFLITE, graph, calibration, tmp_path, "tiny")
    assert not list(tmp_path.iterdir())


def test_a_failed_conversion_spares_the_artifact_that_is_there(
    graph: InferenceGraph,
    calibration: CalibrationSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, manifest = convert_artifact(FLOAT_TFLITE, graph, calibration, tmp_path, "tiny")
    monkeypatch.setattr(parity, "MAX_PIXELS_FLOAT32", -1.0)
    with pytest.raises(CheckFailedError):
        convert_artifact(FLOAT_TFLITE, graph, calibration, tmp_path, "tiny")
    assert read_manifest(path).files == manifest.files


def test_a_stop_between_two_moves_leaves_nothing_that_opens(
    artifacts: Find,
    graph: InferenceGraph,
    calibration: CalibrationSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = ConversionJob("openvino", Precision.FLOAT32)
    there = artifacts("openvino", "float32")
    for file in there.parent.glob("tiny-float32.[bx]*"):
        shutil.copy(file, tmp_path)
    path = tmp_path / there.name
    assert open_artifact(path)
    put_in_place = staging.put_in_place

    def stop_at_xml(source: Path, target: Path) -> None:
        if Path(target).suffix == ".xml":
            raise KeyboardInterrupt
        put_in_place(source, target)

    monkeypatch.setattr(staging, "put_in_place", stop_at_xml)
    with pytest.raises(KeyboardInterrupt):
        convert_artifact(job, graph, calibration, tmp_path, "tiny")
    with pytest.raises(ModelError, match="there is no artifact"):
        open_artifact(path)


def test_the_returned_manifest_is_the_one_on_disk(
    graph: InferenceGraph, calibration: CalibrationSet, tmp_path: Path
) -> None:
    path, manifest = convert_artifact(
        FLOAT_TFLITE, graph, calibration, tmp_path / "new" / "folder", "tiny"
    )
    assert isinstance(manifest, ArtifactManifest)
    assert read_manifest(path) == manifest


def test_a_file_in_the_place_of_the_folder_is_refused(
    graph: InferenceGraph, calibration: CalibrationSet, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("I was here first")
    with pytest.raises(UsageError, match="cannot create the folder .*taken"):
        convert_artifact(FLOAT_TFLITE, graph, calibration, tmp_path / "taken", "tiny")
    assert (tmp_path / "taken").read_text() == "I was here first"


@pytest.fixture(scope="module")
def baseline(tiny: Mapping[str, Any]) -> InferenceGraph:
    return InferenceGraph(tiny["tiny_model"]("mobilenetv2"))


@FORMATS
def test_the_baseline_network_converts_too(
    baseline: InferenceGraph, calibration: CalibrationSet, tmp_path: Path, name: str
) -> None:
    # its heads take one pooling, no concatenation: 52 convolutions, 10 additions, a pool, 2 heads
    job = ConversionJob(name, Precision.INT8)
    _, manifest = convert_artifact(job, baseline, calibration, tmp_path, "baseline")
    assert manifest.operators["total"] == 65
    assert manifest.operators["int8"] == 63
