"""Exact and saturating int8 arithmetic: which one this machine has, and artifacts in both.

The runtimes' kernels are run to find out, instead of reading a list of CPU features: so what an
emulator, a virtual machine or an environment variable takes from the CPU counts too.

LiteRT computes exactly on all CPUs. ONNX Runtime and OpenVINO do so on ARM and on x86 with VNNI;
on x86 without VNNI they saturate (see `asmnet_edge.converters.saturation.pairs`).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import require
from asmnet_edge.formats import format_named, format_of, resolve
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.runtime.backends.backend import InferenceBackend, open_backend, run_all

EXACT, SATURATING = "exact", "saturating"
Outputs = tuple[FloatArray, FloatArray]  # landmarks (faces, n, 2) and pose (faces, 3)

# of the product that shows whether a runtime saturates
CHANNELS = 4
CODE, STEP = 255, 127  # of a pair whose sum does not go into 16 bits
EXACT_SUM = CHANNELS * CODE * STEP
# y = MatMulInteger(a, b), a (4, 4) uint8, b (4, 16) int8, all of them 127; opset 17
PRODUCT = base64.b64decode(
    "CAg6lAEKGAoBYQoBYhIBeSINTWF0TXVsSW50ZWdlchIBZypLCAQIEBADQgFiSkB/f39/f39/f39/f39/f39/f39/f3"
    "9/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/f39/WhMKAWESDgoMCAISCAoCCAQKAggEYhMK"
    "AXkSDgoMCAYSCAoCCAQKAggQQgQKABAR"
)


def saturates(format_: str) -> bool:
    """Whether the runtime of ``format_`` adds pairs of U8S8 products in 16 bits on this CPU.

    LiteRT's kernels never do. `MissingExtraError` when the runtime is not installed.
    """
    spec = format_named(format_)
    return bool(spec.saturation and resolve(spec.saturation)())


@cache
def onnx_runtime_saturates() -> bool:
    """Whether ONNX Runtime adds pairs of U8S8 products in 16 bits on this CPU.

    `MissingExtraError` when it is not installed.
    """
    return round(_onnx_runtime_sum()) != EXACT_SUM


@cache
def openvino_saturates() -> bool:
    """Whether OpenVINO adds pairs of U8S8 products in 16 bits on this CPU.

    `MissingExtraError` when it is not installed.
    """
    return round(_openvino_sum()) != EXACT_SUM


def _onnx_runtime_sum() -> float:
    ort = require("onnxruntime", "onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(PRODUCT, options, providers=["CPUExecutionProvider"])
    codes = np.full((CHANNELS, CHANNELS), CODE, np.uint8)
    return float(session.run(None, {"a": codes})[0][0, 0])


def _openvino_sum() -> float:
    from asmnet_edge.runtime.backends.openvino import without_tiles

    openvino = require("openvino", "openvino")
    from openvino import opset13 as ops

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


@dataclass(frozen=True)
class Arithmetics:
    """An artifact opened in both arithmetics: this CPU's in the runtime, the other one simulated.

    here : `EXACT` or `SATURATING`, the arithmetic of this CPU; native : the runtime's backend
    other : simulates the other arithmetic; None if no activations make a difference
    """

    here: str
    native: InferenceBackend
    other: InferenceBackend | None

    def run(self, crops: NDArray[np.uint8]) -> dict[str, Outputs]:
        """Return landmarks (faces, n, 2) and pose (faces, 3) of ``crops``, by arithmetic."""
        native = run_all(self.native, crops)
        other = native if self.other is None else run_all(self.other, crops)
        return {self.here: native, other_than(self.here): other}


def other_than(arithmetic: str) -> str:
    """Return the other one of `EXACT` and `SATURATING`."""
    return SATURATING if arithmetic == EXACT else EXACT


def open_in_both(path: Path, threads: int = 1) -> Arithmetics:
    """Open the trusted artifact at ``path`` in both arithmetics.

    `MissingExtraError` if a package that the simulation needs is not installed.
    """
    here = arithmetic_here(path)
    return Arithmetics(here, open_backend(path, threads), simulated(path, other_than(here)))


def arithmetic_here(path: Path) -> str:
    """Return the arithmetic of the runtime of the artifact at ``path`` on this CPU."""
    return SATURATING if saturates(format_of(path).name) else EXACT


def simulated(path: Path, arithmetic: str) -> InferenceBackend | None:
    """Open the artifact at ``path`` in simulated ``arithmetic``; None if it makes no difference.

    `MissingExtraError` if a package that the simulation needs is not installed.
    """
    spec = format_of(path)
    if not spec.simulation:
        return None
    if spec.simulation_package:
        require(spec.simulation_package, "convert")
    found: InferenceBackend | None = resolve(spec.simulation)(path, arithmetic == SATURATING)
    return found
