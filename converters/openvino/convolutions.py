"""Convolutions of an int8 IR that run in U8S8 kernels, and their activations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from asmnet_edge.converters.saturation.convolution import Convolution, Window
from asmnet_edge.converters.saturation.pairs import Codes

KINDS = ("Convolution", "GroupConvolution")
# operators that may lie between quantiser and convolution: they keep codes
PASSED = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Pad", "MaxPool", "Concat", "Interpolate"}
PASSED |= {"StridedSlice", "Slice", "ShuffleChannels", "DepthToSpace", "SpaceToDepth", "Split"}
LEVELS = 256

Array = NDArray[Any]


@dataclass(frozen=True)
class IrConvolution:
    """A convolution and its operator in a model; its kernel is Constant, Convert, Multiply."""

    one: Convolution
    node: Any

    @property
    def factor(self) -> Any:
        """The Multiply of the kernel's steps and scales."""
        return self.node.input_value(1).get_node()

    @property
    def widened(self) -> Any:
        """The Convert of the kernel's steps."""
        return self.factor.input_value(0).get_node()

    def codes(self, values: Array) -> Codes:
        """Return the codes (uint8) of fake-quantised ``values``."""
        found = np.rint(values / self.one.scale) + self.one.zero
        return found.clip(0, LEVELS - 1).astype(np.uint8)


def convolutions(model: Any) -> list[IrConvolution]:
    """Return convolutions of uint8 codes and int8 kernels, except depthwise ones."""
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() in KINDS]
    found = [_convolution(node) for node in nodes]
    return [one for one in found if one is not None and not one.one.is_depthwise]


def _convolution(node: Any) -> IrConvolution | None:
    weights, grid = _weights(node.input_value(1).get_node()), _grid(node)
    if weights is None or grid is None:
        return None
    kernel, scales = weights
    groups = kernel.shape[0] if node.get_type_name() == "GroupConvolution" else 1
    kernel = in_one(node, kernel)
    if kernel.ndim != 4:
        return None
    scales = np.broadcast_to(scales.reshape(-1), len(kernel))
    window = _window(node, kernel.shape[2:])
    one = Convolution(node.get_friendly_name(), kernel, scales, *grid, window, groups)
    return IrConvolution(one, node)


def in_one(node: Any, kernel: Array) -> Array:
    """Reshape ``kernel`` of ``node`` to (out, in / groups, h, w), without an axis of groups."""
    grouped = node.get_type_name() == "GroupConvolution"
    return kernel.reshape(-1, *kernel.shape[2:]) if grouped else kernel


def _weights(factor: Any) -> tuple[Array, Array] | None:
    """Return steps and scales of the kernel that ``factor`` computes; None if not of int8."""
    if factor.get_type_name() != "Multiply":
        return None
    widened, scales = (factor.input_value(i).get_node() for i in range(2))
    if widened.get_type_name() != "Convert" or scales.get_type_name() != "Constant":
        return None
    steps = widened.input_value(0).get_node()
    if steps.get_type_name() != "Constant" or steps.get_element_type().to_string() != "i8":
        return None
    return np.array(steps.get_data()), np.array(scales.get_data())


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
    return Window(
        (kernel[0], kernel[1]),
        tuple(given["strides"]),
        (*given["pads_begin"], *given["pads_end"]),
        tuple(given["dilations"]),
    )


def in_float(model: Any) -> Any:
    """Copy ``model`` with float kernels in all convolutions: exact on every CPU.

    The plugin computes them in float, with activations rounded to their codes.
    """
    copy = model.clone()
    for place in convolutions(copy):
        widen(place)
    return copy


def widen(place: IrConvolution) -> None:
    """Give ``place`` the float values of its kernel, so that it is computed in float."""
    steps, scales = (
        source.get_node().get_data()
        for source in (place.widened.input_value(0), place.factor.input_value(1))
    )
    values = ops.constant(np.array(steps).astype(np.float32) * scales)
    place.node.input(1).replace_source_output(values.output(0))


def codes_of(
    model: Any, found: list[IrConvolution], crops: NDArray[np.uint8]
) -> Iterator[dict[str, Array]]:
    """Yield the input codes (channels, h, w) uint8 of each of ``found`` by name, for each crop."""
    watched = in_float(model)
    nodes = {op.get_friendly_name(): op for op in watched.get_ops()}
    results = [ops.result(nodes[place.one.name].input_value(0)) for place in found]
    watched = openvino.Model(results, watched.get_parameters())
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(watched, "CPU", settings)
    for crop in crops:
        values = compiled(crop[None])
        yield {place.one.name: place.codes(values[i][0]) for i, place in enumerate(found)}
