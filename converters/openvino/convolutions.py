"""The convolutions of an int8 IR that run in U8S8 kernels, and the activations they meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from asmnet_edge.converters.saturation.choice import Window
from asmnet_edge.converters.saturation.pairs import Codes

KINDS = ("Convolution", "GroupConvolution")
# what may lie between the quantiser and the convolution: codes stay codes
PASSED = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Pad", "MaxPool", "Concat", "Interpolate"}
PASSED |= {"StridedSlice", "Slice", "ShuffleChannels", "DepthToSpace", "SpaceToDepth", "Split"}
LEVELS = 256

Array = NDArray[Any]


@dataclass(frozen=True)
class Convolution:
    """A convolution of uint8 codes with an int8 kernel.

    steps : the constant int8 kernel; scales : the constant (out, 1, ..) that it is multiplied by
    kernel : (out, in / groups, h, w) int8; kernel_scale : (out,); scale, zero : of the codes
    """

    node: Any
    steps: Any
    scales: Any
    kernel: NDArray[np.int8]
    kernel_scale: Array
    scale: float
    zero: int
    window: Window
    groups: int

    @property
    def name(self) -> str:
        return str(self.node.get_friendly_name())

    @property
    def channels(self) -> int:
        return int(self.kernel.shape[1])

    def codes(self, values: Array) -> Codes:
        """The codes of fake-quantised ``values``."""
        found = np.rint(values / self.scale) + self.zero
        return found.clip(0, LEVELS - 1).astype(np.uint8)


def convolutions(model: Any) -> Iterator[Convolution]:
    """Those of uint8 codes and int8 kernels, depthwise ones left out: they don't saturate."""
    for node in model.get_ordered_ops():
        if node.get_type_name() in KINDS:
            found = _convolution(node)
            if found is not None and found.groups != len(found.kernel):
                yield found


def _convolution(node: Any) -> Convolution | None:
    weights, grid = _weights(node.input_value(1).get_node()), _grid(node)
    if weights is None or grid is None:
        return None
    steps, scales = weights
    kernel = np.array(steps.get_data())
    grouped = node.get_type_name() == "GroupConvolution"
    groups = kernel.shape[0] if grouped else 1
    kernel = kernel.reshape(-1, *kernel.shape[2:]) if grouped else kernel
    if kernel.ndim != 4:
        return None
    scale = np.broadcast_to(np.array(scales.get_data()).reshape(-1), len(kernel))
    return Convolution(
        node, steps, scales, kernel, scale, *grid, _window(node, kernel.shape[2:]), groups
    )


def _weights(node: Any) -> tuple[Any, Any] | None:
    """Constants of steps and scales of a kernel: Constant, Convert, Multiply."""
    if node.get_type_name() != "Multiply":
        return None
    converted, scales = (node.input_value(i).get_node() for i in range(2))
    if converted.get_type_name() != "Convert" or scales.get_type_name() != "Constant":
        return None
    steps = converted.input_value(0).get_node()
    signed = steps.get_type_name() == "Constant" and steps.get_element_type().to_string() == "i8"
    return (steps, scales) if signed else None


def _grid(node: Any) -> tuple[float, int] | None:
    """Scale and zero point of the codes that ``node`` takes, when one quantiser makes them."""
    found = node.input_value(0).get_node()
    while found.get_type_name() in PASSED:
        found = found.input_value(0).get_node()
    if found.get_type_name() != "FakeQuantize" or found.get_levels() != LEVELS:
        return None
    low, high = (np.array(found.input_value(i).get_node().get_data()) for i in (3, 4))
    if low.size != 1:
        return None
    scale = (float(high.item()) - float(low.item())) / (LEVELS - 1)
    return scale, round(-float(low.item()) / scale)


def _window(node: Any, kernel: tuple[int, ...]) -> Window:
    given = node.get_attributes()
    (top, left), (bottom, right) = given["pads_begin"], given["pads_end"]
    return Window(
        (kernel[0], kernel[1]),
        tuple(given["strides"]),
        (top, left, bottom, right),
        tuple(given["dilations"]),
    )


def in_float(model: Any) -> Any:
    """A copy of ``model`` whose convolutions have float kernels: exact on every CPU.

    The plugin computes them in float, with activations on the grid of their codes.
    """
    copy = model.clone()
    for one in list(convolutions(copy)):
        widen(one)
    return copy


def widen(one: Convolution) -> None:
    """Give ``one`` the float values of its kernel, so that it isn't computed in int8."""
    values = np.array(one.steps.get_data()).astype(np.float32) * np.array(one.scales.get_data())
    one.node.input(1).replace_source_output(ops.constant(values).output(0))


def inputs_of(model: Any, names: list[str], crops: NDArray[np.uint8]) -> Iterator[dict[str, Array]]:
    """What operators ``names`` take (channels, h, w) for each crop, by float arithmetic."""
    watched = in_float(model)
    nodes = {op.get_friendly_name(): op for op in watched.get_ops()}
    results = [ops.result(nodes[name].input_value(0)) for name in names]
    watched = openvino.Model(results, watched.get_parameters())
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(watched, "CPU", settings)
    for crop in crops:
        found = compiled(crop[None])
        yield {name: found[i][0] for i, name in enumerate(names)}
