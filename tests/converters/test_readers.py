"""Files that other readers take: TFLite by the letter of its schema, ONNX without left-overs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from asmnet_edge.converters.checks.arithmetic import saturates
from asmnet_edge.converters.onnx.simplification import simplify
from asmnet_edge.converters.tflite.flatbuffer import (
    ALIGNMENT,
    add_metadata,
    kind_of,
    metadata,
    read,
    write,
)
from asmnet_edge.converters.tflite.tflite_exporter import has_even_weights
from asmnet_edge.formats import format_named
from asmnet_edge.geometry.metrics import deviation
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.runtime.backends.backend import open_backend, run_all

Find = Callable[[str, str], Path]
TFLITE = pytest.mark.parametrize("precision", format_named("tflite").precisions)
ONNX = pytest.mark.parametrize("precision", format_named("onnx").precisions)


# TFLite


@TFLITE
def test_old_readers_find_the_kind_of_each_operator(artifacts: Find, precision: str) -> None:
    model = read(artifacts("tflite", precision).read_bytes())
    codes = [(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    assert codes == [(new, min(new, 127)) for new, _ in codes]
    used = {operator.opcodeIndex for operator in model.subgraphs[0].operators}
    assert used == set(range(len(codes)))


@TFLITE
def test_each_tensor_and_buffer_is_used(artifacts: Find, precision: str) -> None:
    model = read(artifacts("tflite", precision).read_bytes())
    (graph,) = model.subgraphs
    parts = [graph.inputs, graph.outputs]
    parts += [part for o in graph.operators for part in (o.inputs, o.outputs)]
    assert {int(i) for part in parts for i in part} - {-1} == set(range(len(graph.tensors)))
    users = [user.buffer for user in (*graph.tensors, *model.metadata)]
    assert {0, *users} == set(range(len(model.buffers)))


def head_scales(content: bytes) -> list[int]:
    """Return how many scales the int8 weights of each dense head have, in order of the file."""
    model = read(content)
    (graph,) = model.subgraphs
    heads = [o for o in graph.operators if kind_of(model, o) == "FULLY_CONNECTED"]
    source = {int(o.outputs[0]): o.inputs[0] for o in graph.operators}  # weights are dequantised
    tensors = [graph.tensors[source[int(head.inputs[1])]] for head in heads]
    return [len(tensor.quantization.scale) for tensor in tensors]


def test_weights_of_a_head_have_one_scale(artifacts: Find) -> None:
    # tflite-micro takes the first scale for all outputs
    assert head_scales(artifacts("tflite", "int8").read_bytes()) == [1, 1]


@pytest.mark.parametrize(("largest", "even"), [(1.0, True), (3.9, True), (4.1, False)])
def test_a_head_with_an_output_of_much_larger_weights_keeps_its_scales(
    artifacts: Find, largest: float, even: bool
) -> None:
    model = read(artifacts("tflite", "float32").read_bytes())
    (graph,) = model.subgraphs
    head = next(o for o in graph.operators if kind_of(model, o) == "FULLY_CONNECTED")
    tensor = graph.tensors[head.inputs[1]]
    weights = np.ones(tensor.shape, np.float32)
    weights[0] = largest
    model.buffers[tensor.buffer].data = weights.view(np.uint8).ravel()
    assert has_even_weights(model, head) is even


def places_of_buffers(content: bytes) -> list[int]:
    model = schema.Model.GetRootAs(content, 0)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    return [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]


@TFLITE
def test_buffers_are_aligned_as_the_schema_demands(artifacts: Find, precision: str) -> None:
    places = places_of_buffers(artifacts("tflite", precision).read_bytes())
    assert len(places) > 50
    assert not [place for place in places if place % ALIGNMENT]


def with_leftovers(content: bytes) -> bytes:
    """``content`` as the quantizer would leave it: codes, a tensor and a buffer without a user."""
    model = read(content)
    for code in model.operatorCodes[-2:]:
        code.deprecatedBuiltinCode = 0
    unused, tensor, buffer = schema.OperatorCodeT(), schema.TensorT(), schema.BufferT()
    unused.builtinCode, unused.version = schema.BuiltinOperator.CAST, 1
    tensor.name, tensor.shape, tensor.buffer = "left over", [3], len(model.buffers)
    buffer.data = [1, 2, 3]
    model.operatorCodes.append(unused)
    model.subgraphs[0].tensors.append(tensor)
    model.buffers.append(buffer)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@TFLITE
def test_what_tools_leave_is_removed_and_nothing_else(artifacts: Find, precision: str) -> None:
    content = artifacts("tflite", precision).read_bytes()
    untidy = with_leftovers(content)
    assert any(place % ALIGNMENT for place in places_of_buffers(untidy))
    assert write(read(untidy)) == content


def results(content: bytes, crops: np.ndarray) -> list[np.ndarray]:
    """Landmarks and pose of ``crops`` by the file's signature."""
    runner = Interpreter(model_content=content).get_signature_runner()
    found = [runner(image=crop[None]) for crop in crops]
    return [np.stack([one[name] for one in found]) for name in ("landmarks", "pose")]


def test_tensors_without_a_user_are_numbered_away(artifacts: Find, crops: np.ndarray) -> None:
    content = artifacts("tflite", "int8").read_bytes()
    model = read(content)
    (graph,) = model.subgraphs
    graph.tensors.insert(0, schema.TensorT())  # all others move by one
    graph.tensors[0].name, graph.tensors[0].shape = "left over", [3]
    for owner in (graph, *graph.operators):
        owner.inputs, owner.outputs = (
            [int(i) + (i >= 0) for i in part] for part in (owner.inputs, owner.outputs)
        )
    for named in (*model.signatureDefs[0].inputs, *model.signatureDefs[0].outputs):
        named.tensorIndex += 1
    tidy = write(model)
    assert tidy == content
    for ours, theirs in zip(results(tidy, crops[:2]), results(content, crops[:2]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_metadata_are_found_and_replaced(artifacts: Find) -> None:
    model = read(artifacts("tflite", "float32").read_bytes())
    assert metadata(model, "none such") is None
    for content in (b"one", b"other"):
        add_metadata(model, "mine", content)
    model = read(write(model))
    assert metadata(model, "mine") == b"other"
    assert len([entry for entry in model.metadata if entry.name == b"mine"]) == 1


@TFLITE
def test_openvino_reads_it_and_agrees(artifacts: Find, precision: str, crops: np.ndarray) -> None:
    path = artifacts("tflite", precision)
    if precision == "int8-io":
        pytest.skip("its outputs are steps; the other precisions show that it is read")
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = [next(v for v in compiled(c[None]).values() if v.ndim == 3)[0] for c in crops]
    landmarks, _ = run_all(open_backend(path), crops)
    limit = 1.0 if saturates("openvino") else 0.2
    assert 100 * deviation(np.stack(found), landmarks, IBUG68).mean() < limit


def test_the_shipped_file_is_one_of_them() -> None:
    content = shipped(SHIPPED_INT8).read_bytes()
    assert write(read(content)) == content


# ONNX


@ONNX
def test_onnx_files_have_no_leftovers(artifacts: Find, precision: str) -> None:
    graph = onnx.load(artifacts("onnx", precision)).graph
    taken = {name for node in graph.node for name in node.input}
    given_ = {name for node in graph.node for name in node.output}
    assert {tensor.name for tensor in graph.initializer} <= taken
    assert {value.name for value in graph.value_info} <= given_


@ONNX
def test_plain_onnx_runtime_loads_without_a_warning(
    artifacts: Find, precision: str, capfd: pytest.CaptureFixture[str]
) -> None:
    onnxruntime.set_default_logger_severity(2)  # its default, which quantisation changes
    path = artifacts("onnx", precision)
    onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert "[W:" not in capfd.readouterr().err


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic-int8"])
def test_float_onnx_has_no_pad_and_no_bias_of_two_axes(artifacts: Find, precision: str) -> None:
    graph = onnx.load(artifacts("onnx", precision)).graph
    assert "Pad" not in {node.op_type for node in graph.node}
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    biases = [shapes[node.input[2]] for node in graph.node if node.op_type == "Gemm"]
    assert (3,) in biases
    assert {len(shape) for shape in biases} == {1}


def padded_net(widths: tuple[int, ...], taker: str = "Conv", **options: Any) -> onnx.ModelProto:
    """A padded image (1, 2, 6, 6), taken by a convolution of 3 x 3 or by something else."""
    rng = np.random.default_rng(1)
    constants = {
        "widths": np.array(widths, np.int64),
        "fill": np.float32(options.get("fill", 0)),
        "kernel": rng.normal(size=(3, 2, 3, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node(
            "Pad", ["image", "widths", "fill"], ["padded"], mode=options.get("mode", "constant")
        ),
        helper.make_node("Conv", ["padded", "kernel"], ["result"], pads=[1, 0, 0, 1])
        if taker == "Conv"
        else helper.make_node(taker, ["padded"], ["result"]),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("image", "result")]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def computed(model: onnx.ModelProto) -> np.ndarray:
    image = np.random.default_rng(2).normal(size=(1, 2, 6, 6)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return np.asarray(session.run(None, {"image": image})[0])


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@settings(deadline=None, max_examples=20)
@given(st.tuples(*[st.integers(0, 3)] * 4))
def test_a_folded_padding_gives_the_same(sides: tuple[int, int, int, int]) -> None:
    top, left, bottom, right = sides
    widths = (0, 0, top, left, 0, 0, bottom, right)
    folded = simplify(padded_net(widths))
    assert kinds(folded) == ["Conv"]
    np.testing.assert_allclose(computed(folded), computed(padded_net(widths)), atol=1e-5)


@pytest.mark.parametrize(
    ("widths", "taker", "options"),
    [
        ((0, 0, 1, 1, 0, 0, 1, 1), "Relu", {}),
        ((0, 0, 1, 1, 0, 0, 1, 1), "Conv", {"fill": 1}),
        ((0, 0, 1, 1, 0, 0, 1, 1), "Conv", {"mode": "reflect"}),
        ((0, 0, -1, 0, 0, 0, 1, 1), "Conv", {}),
    ],
)
def test_other_paddings_stay(widths: tuple[int, ...], taker: str, options: dict[str, Any]) -> None:
    assert kinds(simplify(padded_net(widths, taker, **options))) == ["Pad", taker]
