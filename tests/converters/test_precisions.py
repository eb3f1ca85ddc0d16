"""Every format in every precision that it has: near the float model, and small."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.checks.parity import Parity
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.inspection.audit import audit
from asmnet_edge.converters.jobs import CALIBRATED, Recipe, exporter_for, jobs_for
from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.formats import all_formats, format_named, format_names
from asmnet_edge.geometry.metrics import deviation
from asmnet_edge.io.manifest import Precision, read_manifest
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.backends.backend import open_backend, run_all
from asmnet_edge.training.float_model import FloatModel

Find = Callable[[str, str], Path]
FORMATS = pytest.mark.parametrize("name", format_names())
EVERY = pytest.mark.parametrize(
    ("name", "precision"),
    [(spec.name, p) for spec in all_formats() for p in spec.precisions],
)


def bytes_of(path: Path) -> int:
    return read_manifest(path).bytes


# near the float model


@EVERY
def test_landmarks_stay_near_the_keras_model(
    artifacts: Find, model: FloatModel, crops: np.ndarray, name: str, precision: Precision
) -> None:
    landmarks, pose = run_all(open_artifact(artifacts(name, precision)).backend, crops)
    expected, expected_pose = model.predict(crops)
    far = 100 * deviation(landmarks, expected, model.scheme).mean()
    assert far < {Precision.INT8_IO: 1.5}.get(precision, 1.0)
    assert (landmarks.dtype, pose.dtype) == (np.float32, np.float32)
    assert np.abs(pose - expected_pose).mean() < 1.0


@FORMATS
def test_float16_is_within_a_tenth_of_a_pixel_and_not_float32(
    artifacts: Find, model: FloatModel, crops: np.ndarray, name: str
) -> None:
    landmarks, _ = run_all(open_artifact(artifacts(name, "float16")).backend, crops)
    distances = 96 * np.linalg.norm(landmarks - model.predict(crops)[0], axis=-1)
    assert 1e-5 < distances.max() < 0.1


@pytest.mark.parametrize(
    ("precision", "pixels", "percent"),
    [
        (Precision.FLOAT32, 0.03, 0.0),
        (Precision.FLOAT16, 0.11, 0.0),
        (Precision.DYNAMIC_INT8, 9.0, 1.1),
        (Precision.INT8, 9.0, 1.1),
        (Precision.INT8_IO, 9.0, 1.6),
    ],
)
def test_each_precision_has_its_limit(precision: Precision, pixels: float, percent: float) -> None:
    with pytest.raises(CheckFailedError, match=r"face\.x deviates by .*the limit is"):
        Parity(1, pixels, 0.0, percent, 0.0).check(precision, "face.x")
    Parity(1, 0.9 * pixels - 0.01, 0.0, max(percent - 0.2, 0), 0.0).check(precision, "face.x")


# small


@FORMATS
def test_float16_is_half_and_int8_weights_a_third_of_float32(artifacts: Find, name: str) -> None:
    whole = bytes_of(artifacts(name, "float32"))
    assert bytes_of(artifacts(name, "float16")) < 0.7 * whole
    assert bytes_of(artifacts(name, "dynamic-int8")) < 0.6 * whole


# the table


@EVERY
def test_what_the_table_offers_is_converted(
    artifacts: Find, name: str, precision: Precision
) -> None:
    assert read_manifest(artifacts(name, precision)).precision is precision


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_a_missing_precision_is_refused_with_the_formats_that_have_it(name: str) -> None:
    with pytest.raises(UsageError, match=f"no int8-io for {name}") as raised:
        jobs_for([name], ["int8-io"])
    assert "tflite" in str(raised.value.cure)


def test_int8_without_faces_is_refused() -> None:
    with pytest.raises(UsageError, match="int8 needs faces"):
        Recipe(Precision.INT8)


# int8-io


def test_int8_io_takes_and_gives_eight_bits_alone(artifacts: Find) -> None:
    interpreter = Interpreter(str(artifacts("tflite", "int8-io")))
    assert interpreter.get_input_details()[0]["dtype"] is np.uint8
    assert {d["dtype"] for d in interpreter.get_output_details()} == {np.int8}
    model = flatbuffer_utils.read_model(artifacts("tflite", "int8-io"))
    types = {model.subgraphs[0].tensors[o.outputs[0]].type for o in model.subgraphs[0].operators}
    assert types == {9}  # INT8: not one float operator


def test_the_manifest_holds_the_scales_of_eight_bit_outputs(
    artifacts: Find, crops: np.ndarray
) -> None:
    path = artifacts("tflite", "int8-io")
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], crops[:1])
    interpreter.invoke()
    raw = {len(d["shape"]): interpreter.get_tensor(d["index"])
           for d in interpreter.get_output_details()}  # fmt: skip
    landmarks, pose = open_artifact(path).backend.run(crops[:1])
    outputs = {output["name"]: output for output in read_manifest(path).outputs}
    for name, rank, ours in (("landmarks", 3, landmarks), ("pose", 2, pose)):
        assert outputs[name]["type"] == "int8"
        by_hand = outputs[name]["scale"] * (
            raw[rank][0].astype(float) - outputs[name]["zero_point"]
        )
        np.testing.assert_allclose(ours, by_hand, atol=1e-5)


def test_eight_bit_landmarks_reach_beyond_the_crop(artifacts: Find) -> None:
    outputs = {o["name"]: o for o in read_manifest(artifacts("tflite", "int8-io")).outputs}
    found = outputs["landmarks"]
    least, greatest = (found["scale"] * (step - found["zero_point"]) for step in (-128, 127))
    assert least <= -0.045
    assert greatest >= 1.045


# pixels go in as they are


@pytest.mark.parametrize("precision", ["int8", "int8-io"])
def test_a_pixel_is_its_own_code_in_tflite(artifacts: Find, precision: str) -> None:
    model = flatbuffer_utils.read_model(artifacts("tflite", precision))
    graph = model.subgraphs[0]
    kinds = [flatbuffer_utils.opcode_to_name(model, o.opcodeIndex) for o in graph.operators[:2]]
    assert kinds == ["QUANTIZE", "CONV_2D"]
    taken = graph.tensors[graph.operators[1].inputs[0]].quantization
    image = graph.tensors[graph.inputs[0]].quantization
    assert taken.scale[0] == image.scale[0]
    assert (image.zeroPoint[0], taken.zeroPoint[0]) == (128, 0)


def test_a_pixel_is_its_own_code_in_onnx(artifacts: Find) -> None:
    graph = onnx.load(artifacts("onnx", "int8")).graph
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    (turn,) = [node for node in graph.node if "image" in node.input]
    (taker,) = [node for node in graph.node if turn.output[0] in node.input]
    assert [node.op_type for node in (turn, taker)] == ["Transpose", "DequantizeLinear"]
    scale, zero_point = (constants[name].item() for name in taker.input[1:])
    assert (scale, zero_point) == (pytest.approx(1 / 128), 128)


# layers kept in float


@FORMATS
def test_layers_to_keep_in_float_are_float(
    artifacts: Find, graph: InferenceGraph, calibration: CalibrationSet, tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"kept{format_named(name).suffix}"
    keep = ("block_3_depthwise", "block_13_project", "Conv1")
    few = replace(calibration, crops=calibration.crops[:4])  # NNCF takes its time over each
    exporter_for(name).export(graph, Recipe(Precision.INT8, few, keep), path)
    whole = read_manifest(artifacts(name, "int8")).operators
    assert audit(path, run=False).counts == {**whole, "int8": whole["int8"] - 3}
    assert np.isfinite(run_all(open_backend(path), calibration.held_out[:1])[0]).all()


@FORMATS
def test_a_layer_that_is_not_there_is_refused(
    graph: InferenceGraph, calibration: CalibrationSet, tmp_path: Path, name: str
) -> None:
    recipe = Recipe(Precision.INT8, calibration, ("block_99_expand",))
    with pytest.raises(UsageError, match="no layer block_99_expand"):
        exporter_for(name).export(graph, recipe, tmp_path / f"kept{format_named(name).suffix}")


@pytest.mark.parametrize("precision", sorted(set(Precision) - CALIBRATED))
def test_only_int8_has_layers_to_keep_in_float(precision: Precision) -> None:
    with pytest.raises(UsageError, match="no layers to keep in float"):
        Recipe(precision, None, ("Conv1",))
