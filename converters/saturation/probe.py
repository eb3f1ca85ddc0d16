"""Whether the runtimes here saturate: asked of their own kernels, not of a list of CPU features.

So what an emulator, a virtual machine or an environment variable takes from the CPU counts too.
"""

from __future__ import annotations

import base64
from functools import cache

import numpy as np

from asmnet_edge.errors import require
from asmnet_edge.formats import format_named, resolve

CHANNELS = 4
CODE, STEP = 255, 127  # of a pair whose sum does not go into 16 bits
EXACT = CHANNELS * CODE * STEP
# y = MatMulInteger(a, b), a (4, 4) uint8, b (4, 16) int8, all of them 127; opset 17
PRODUCT = base64.b64decode(
    "CAg6lAEKGAoBYQoBYhIBeSINTWF0TXVsSW50ZWdlchIBZypLCAQIEBADQgFiSkB/f39/f39/f39/f39/f39/f39/f3"
    "9/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/WhMKAWESDgoMCAISCAoCCAQKAggEYhMK"
    "AXkSDgoMCAYSCAoCCAQKAggQQgQKABAR"
)


def saturates(format_: str) -> bool:
    """Whether the runtime of ``format_`` adds pairs of U8S8 products in 16 bits on this CPU.

    `MissingExtraError` when it is not installed. LiteRT's kernels never do.
    """
    spec = format_named(format_)
    return bool(spec.saturation and resolve(spec.saturation)())


@cache
def onnx_runtime_saturates() -> bool:
    """Whether ONNX Runtime adds pairs of U8S8 products in 16 bits on this CPU.

    `MissingExtraError` when it is not installed.
    """
    return round(_onnx_runtime_sum()) != EXACT


@cache
def openvino_saturates() -> bool:
    """Whether OpenVINO adds pairs of U8S8 products in 16 bits on this CPU.

    `MissingExtraError` when it is not installed.
    """
    return round(_openvino_sum()) != EXACT


def _onnx_runtime_sum() -> float:
    ort = require("onnxruntime", "onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(PRODUCT, options, providers=["CPUExecutionProvider"])
    codes = np.full((CHANNELS, CHANNELS), CODE, np.uint8)
    return float(session.run(None, {"a": codes})[0][0, 0])


def _openvino_sum() -> float:
    openvino = require("openvino", "openvino")
    from openvino import opset13 as ops

    from asmnet_edge.runtime.backends.openvino import without_tiles

    image = ops.parameter((1, CHANNELS, 4, 4), np.float32)
    ends = [np.float32(end) for end in (0, CODE, 0, CODE)]
    codes = ops.fake_quantize(image, *map(ops.constant, ends), levels=CODE + 1)
    steps = ops.constant(np.full((16, CHANNELS, 1, 1), STEP, np.int8))
    kernel = ops.multiply(ops.convert(steps, "f32"), ops.constant(np.ones((16, 1, 1, 1), "f4")))
    found = ops.convolution(codes, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    model = openvino.Model([ops.result(found)], [image])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    with without_tiles():  # as the runtime does, whichever comes first
        compiled = openvino.Core().compile_model(model, "CPU", settings)
    return float(compiled(np.full((1, CHANNELS, 4, 4), CODE, np.float32))[0].flat[0])
