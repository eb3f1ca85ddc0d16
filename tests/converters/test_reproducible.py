"""Converting the same weights on the same faces twice gives the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asmnet_edge.converters.onnx.canonical_form import canonical
from asmnet_edge.io.manifest import artifact_files, manifest_path

# in another order than the `artifacts` fixture converts, so that the libraries' counters differ;
# weights in int8 and in float take different ways through each library
CONVERT = """
import runpy, sys
from pathlib import Path
from asmnet_edge.converters.artifact import convert_artifact
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import ConversionJob
from asmnet_edge.io.manifest import Precision
from asmnet_edge.training.float_model import load_float_model

model, tiny, folder = map(Path, sys.argv[1:])
graph = InferenceGraph(load_float_model(model))
calibration = runpy.run_path(tiny)["tiny_calibration"]()
for format in ("openvino", "onnx", "tflite"):
    for precision in (Precision.INT8, Precision.DYNAMIC_INT8, Precision.FLOAT32):
        convert_artifact(ConversionJob(format, precision), graph, calibration, folder, "tiny")
"""


@pytest.fixture(scope="module")
def elsewhere(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of artifacts that another process converted from the same model file."""
    folder = tmp_path_factory.mktemp("elsewhere")
    tiny = Path(__file__).parents[1] / "tiny.py"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", CONVERT, str(model_file), str(tiny), str(folder)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    return folder


@pytest.mark.parametrize("precision", ["float32", "dynamic-int8", "int8"])
@pytest.mark.parametrize("format", ["tflite", "onnx", "openvino"])
def test_another_process_writes_the_same_bytes(
    artifacts: Callable[[str, str], Path], elsewhere: Path, format: str, precision: str
) -> None:
    here = artifacts(format, precision)
    for file in (*artifact_files(here), manifest_path(here)):
        assert file.read_bytes() == (elsewhere / file.name).read_bytes(), file.name


def relu_net(names: dict[str, str], turned: bool = False) -> onnx.ModelProto:
    """Two clips of one image that share their lower bound, added; ``names`` by their roles."""
    low, high = names["low"], names["high"]
    clips = [
        helper.make_node("Clip", ["image", low, high], [names["first"]], names["first"]),
        helper.make_node("Clip", ["image", low], [names["second"]], names["second"]),
    ]
    total = helper.make_node("Add", [names["first"], names["second"]], ["landmarks"], "total")
    constants = [numpy_helper.from_array(np.float32(v), n) for v, n in ((0, low), (6, high))]
    shapes = [
        helper.make_tensor_value_info(names[role], TensorProto.FLOAT, [1])
        for role in ("first", "second")
    ]
    if turned:
        clips, constants, shapes = clips[::-1], constants[::-1], shapes[::-1]
    graph = helper.make_graph(
        [*clips, total],
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [1])],
        constants,
        value_info=shapes,
    )
    return helper.make_model(graph)


ONE = {"low": "a/min__7", "high": "a/max__8", "first": "a/Clip", "second": "Clip__9"}
OTHER = {"low": "b/min__31", "high": "a/max__5", "first": "a/Clip", "second": "Clip__12"}


def test_counters_and_orders_leave_no_trace() -> None:
    one, other = relu_net(ONE), relu_net(OTHER, turned=True)
    assert one.SerializeToString() != other.SerializeToString()
    assert canonical(one).SerializeToString() == canonical(other).SerializeToString()


def test_names_without_counters_stay() -> None:
    model = canonical(relu_net(ONE))
    names = {node.name for node in model.graph.node}
    assert {"a/Clip", "total"} <= names
    assert "Clip__9" not in names
    assert [value.name for value in model.graph.output] == ["landmarks"]
    onnx.checker.check_model(model, full_check=True)


def test_the_canonical_form_of_itself_is_the_same() -> None:
    model = canonical(relu_net(ONE))
    again = onnx.ModelProto.FromString(model.SerializeToString())
    assert canonical(again) == model


def test_different_models_stay_different() -> None:
    model = relu_net(ONE)
    changed = relu_net(ONE)
    changed.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.float32(5), ONE["high"]))
    assert canonical(model) != canonical(changed)
