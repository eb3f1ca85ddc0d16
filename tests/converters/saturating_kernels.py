"""Compare the simulation of saturation with the kernels of ONNX Runtime and OpenVINO on this CPU.

Run in a separate process, under an emulator or with ONEDNN_MAX_CPU_ISA set. Prints one line of
JSON: for each format whether its kernels saturate here, how many results saturation changes, and
the largest difference from the simulation in that arithmetic (codes of results for ONNX
Runtime, whole numbers for OpenVINO).
"""

import itertools
import json
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from openvino import opset13 as ops

from asmnet_edge.converters.checks.arithmetic import saturates
from asmnet_edge.converters.onnx.onnx_saturation import Graph
from asmnet_edge.converters.openvino.openvino_saturation import convolutions
from asmnet_edge.converters.saturation.convolution import Convolution
from asmnet_edge.converters.saturation.pairs import products

SIDE, ZERO = 9, 120
# input channels, groups, kernel, stride, padding, dilation
CASES = [
    case
    for case in itertools.product((3, 4, 6, 16, 33), (1, 2), (1, 3), (1, 2), (0, 1), (1, 2))
    if case[0] % case[1] == 0 and case[2] + case[4] != 2  # no padding around a single place
]


def expected(one: Convolution, codes: np.ndarray, pairing: str, saturating: bool) -> np.ndarray:
    """Sums (out, places) of codes times steps, less those of the zero point."""
    known = one.pairing(pairing) if saturating else None
    sums = []
    rows = np.split(one.rows, one.groups)
    for seen, kernel in zip(one.columns(codes), rows, strict=True):
        sums.append(products(seen, kernel, known) - one.zero * kernel.sum(axis=1, dtype=np.int64))
    return np.concatenate(sums, axis=1).T


def steps_of(channels: int, groups: int, kernel: int, rng: np.random.Generator) -> np.ndarray:
    """Large ones, so that many pairs saturate."""
    shape = (12, channels // groups, kernel, kernel)
    return rng.choice([-127, -110, -3, 40, 90, 127], size=shape).astype(np.int8)


def onnx_model(channels: int, groups: int, steps: np.ndarray, window: dict) -> tuple:
    """A QDQ convolution with codes in and codes out, and the scale of a code that comes out."""
    scale = 2.0 * np.prod(steps.shape[1:]) ** 0.5 * 127
    constants = {
        "x_scale": np.float32(1), "x_zero": np.uint8(ZERO), "steps": steps,
        "w_scale": np.ones(12, np.float32), "w_zero": np.zeros(12, np.int8),
        "y_scale": np.float32(scale), "y_zero": np.uint8(128),
    }  # fmt: skip
    nodes = [
        helper.make_node("DequantizeLinear", ["codes", "x_scale", "x_zero"], ["x"]),
        helper.make_node("DequantizeLinear", ["steps", "w_scale", "w_zero"], ["w"], axis=0),
        helper.make_node("Conv", ["x", "w"], ["y"], group=groups, name="conv", **window),
        helper.make_node("QuantizeLinear", ["y", "y_scale", "y_zero"], ["q"]),
    ]
    codes = helper.make_tensor_value_info("codes", TensorProto.UINT8, [1, channels, SIDE, SIDE])
    result = helper.make_tensor_value_info("q", TensorProto.UINT8, None)
    values = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "one", [codes], [result], values)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8), scale


def onnx_case(case: tuple, codes: np.ndarray, steps: np.ndarray) -> tuple:
    channels, groups, kernel, stride, padding, dilation = case
    window = {
        "kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [padding] * 4,
        "dilations": [dilation] * 2,
    }  # fmt: skip
    model, scale = onnx_model(channels, groups, steps, window)
    one = Graph(model).convolutions()[0].one
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"codes": codes[None]})[0][0].reshape(12, -1).astype(int)
    both = (
        np.clip(np.rint(expected(one, codes, "row", s) / scale) + 128, 0, 255)
        for s in (False, True)
    )
    return found, *both


def openvino_case(case: tuple, codes: np.ndarray, steps: np.ndarray) -> tuple:
    channels, groups, _, stride, padding, dilation = case
    low, high = float(-ZERO), float(255 - ZERO)
    image = ops.parameter((1, channels, SIDE, SIDE), np.float32)
    ends = [ops.constant(np.float32(end)) for end in (low, high, low, high)]
    values = ops.fake_quantize(image, *ends, levels=256)
    shape = steps.shape if groups == 1 else (groups, 12 // groups, *steps.shape[1:])
    wide = (*shape[:-3], 1, 1, 1)
    weights = ops.multiply(
        ops.convert(ops.constant(steps.reshape(shape)), "f32"),
        ops.constant(np.ones(wide, np.float32)),
    )
    make = ops.convolution if groups == 1 else ops.group_convolution
    node = make(values, weights, [stride] * 2, [padding] * 2, [padding] * 2, [dilation] * 2)
    model = openvino.Model([ops.result(node)], [image])
    one = convolutions(model)[0].one
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    found = compiled(codes[None].astype(np.float32) - ZERO)[0][0].reshape(12, -1)
    pairing = "place"
    if groups > 1 and (found == expected(one, codes, "row", True)).all():
        pairing = "row"  # oneDNN takes some groups of odd channels to its general matrix product
    return found, *(expected(one, codes, pairing, s) for s in (False, True))


def compare(name: str, run: object) -> dict:
    rng, worst, changed, where = np.random.default_rng(0), 0.0, 0, None
    for case in CASES:
        steps = steps_of(*case[:3], rng)
        codes = rng.integers(0, 256, (case[0], SIDE, SIDE)).astype(np.uint8)
        codes[:, :5] = rng.integers(180, 256)
        found, exact, saturating = run(case, codes, steps)
        off = np.abs(found - (saturating if saturates(name) else exact)).max()
        changed += int((exact != saturating).sum())
        if off > worst:
            worst, where = float(off), case
    return {"saturates": saturates(name), "changed": changed, "worst": worst, "where": where}


if __name__ == "__main__":
    runs = {"onnx": onnx_case, "openvino": openvino_case}
    wanted = sys.argv[1:] or list(runs)
    print(json.dumps({name: compare(name, runs[name]) for name in wanted}))
