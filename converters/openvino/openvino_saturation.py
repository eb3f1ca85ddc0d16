"""Saturation in int8 IR files: weights that prevent it, and its simulation on any CPU.

Only convolutions of uint8 codes and int8 kernels saturate, except depthwise ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from asmnet_edge.converters.saturation.convolution import (
    Convolution,
    Pairs,
    Window,
    pairs_of,
    samples,
    some_of,
)
from asmnet_edge.converters.saturation.pairs import HIGHEST, LOWEST, Codes
from asmnet_edge.converters.saturation.weight_limits import Change, choose_limited
from asmnet_edge.runtime.backends.backend import InferenceBackend
from asmnet_edge.runtime.backends.openvino import OpenVinoBackend, settings

KINDS = ("Convolution", "GroupConvolution")
# operators that may lie between quantiser and convolution: they keep codes
PASSED = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Pad", "MaxPool", "Concat", "Interpolate"}
PASSED |= {"StridedSlice", "Slice", "ShuffleChannels", "DepthToSpace", "SpaceToDepth", "Split"}
LEVELS = 256
PAIRING = "place"  # of oneDNN's kernels, see `Convolution.pairing`

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
    compiled = openvino.Core().compile_model(watched, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for crop in crops:
        values = compiled(crop[None])
        yield {place.one.name: place.codes(values[i][0]) for i, place in enumerate(found)}


def limit(
    model: Any, floats: dict[str, Array], crops: NDArray[np.uint8], everywhere: bool = False
) -> list[str]:
    """Limit weights of int8 ``model`` in place where saturation costs more; return layer names.

    floats : `float_kernels` of the float model; crops : calibration faces (n, s, s, 3) uint8
    everywhere : limit all weights that can saturate
    """
    found = [c for c in convolutions(model) if c.one.name in floats and c.one.can_saturate(PAIRING)]
    if not found:
        return []
    seen = samples([c.one for c in found], codes_of(model, found, some_of(crops)))
    changed = []
    for place in found:
        change = choose_limited(place.one, floats[place.one.name], seen[place.one.name], everywhere)
        if change is not None:
            _store(place, change)
            changed.append(place.one.name)
    return changed


def float_kernels(model: Any) -> dict[str, Array]:
    """Return kernels (out, in / groups, h, w) of a float model's convolutions, by name."""
    nodes = [node for node in model.get_ops() if node.get_type_name() in KINDS]
    return {
        node.get_friendly_name(): in_one(node, np.array(source.get_data()))
        for node in nodes
        if (source := node.input_value(1).get_node()).get_type_name() == "Constant"
    }


def _store(place: IrConvolution, change: Change) -> None:
    """Replace kernel and scale; add the shift to the bias, which NNCF corrected for other steps."""
    shape = list(place.widened.get_output_shape(0))
    steps = ops.constant(change.steps.reshape(shape), dtype=np.int8)
    place.widened.input(0).replace_source_output(steps.output(0))
    wide = [*shape[:-3], 1, 1, 1]
    scales = ops.constant(change.scale.reshape(wide))
    place.factor.input(1).replace_source_output(scales.output(0))
    _add_to_bias(place.node, change.shift)


def _add_to_bias(node: Any, shift: Array) -> None:
    for port in node.output(0).get_target_inputs():
        other = 1 - port.get_index()
        adding = port.get_node()
        bias = adding.input_value(other).get_node() if adding.get_type_name() == "Add" else None
        if bias is not None and bias.get_type_name() == "Constant":
            values = np.array(bias.get_data()) + shift.reshape(1, -1, 1, 1)
            moved = ops.constant(values.astype(np.float32))
            adding.input(other).replace_source_output(moved.output(0))


def load_simulated(path: Path, saturating: bool) -> InferenceBackend | None:
    """Load the file at ``path`` in that arithmetic; None if both are the same, see `simulated`."""
    core = openvino.Core()
    model = core.read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
    other = simulated(model, saturating)
    if other is None:
        return None
    return OpenVinoBackend(core.compile_model(other, "CPU", settings(1)), "openvino, simulated")


def simulated(model: Any, saturating: bool) -> Any | None:
    """Return a model with the results of ``model`` in that arithmetic on any CPU.

    None if both are the same, because none of its kernels can saturate. Kernels that can are
    computed in float, less the loss by saturation.
    """
    copy = model.clone()
    found = [place for place in convolutions(copy) if place.one.can_saturate(PAIRING)]
    for place in found:
        widen(place)
        if saturating:
            _saturate(place)
    if found:
        copy.validate_nodes_and_infer_types()
    return copy if found else None


def _saturate(place: IrConvolution) -> None:
    """Subtract the loss by saturation from the results of ``place``."""
    takers = place.node.output(0).get_target_inputs()
    source = place.node.input_value(0)
    steps = ops.divide(source, ops.constant(np.float32(place.one.scale)))
    codes = ops.add(ops.round(steps, "half_to_even"), ops.constant(np.float32(place.one.zero)))
    left = place.node
    for pairs in pairs_of(place.one, PAIRING):
        left = ops.subtract(left, _lost(place, pairs, codes))
    for port in takers:
        port.replace_source_output(left.output(0))


def _lost(place: IrConvolution, pairs: Pairs, codes: Any) -> Any:
    one = place.one
    top, left, bottom, right = one.window.padding
    taken = ops.gather(codes, ops.constant(pairs.channels), ops.constant(np.int64(1)))
    padded = ops.pad(
        taken,
        ops.constant(np.array([0, 0, top, left], np.int64)),
        ops.constant(np.array([0, 0, bottom, right], np.int64)),
        "constant",
        ops.constant(np.float32(one.zero)),
    )
    kernel = ops.constant(pairs.kernel[:, None])  # a group for each pair
    nothing = [0, 0]
    sums = ops.group_convolution(
        padded, kernel, list(one.window.strides), nothing, nothing, list(one.window.dilations)
    )
    beyond = ops.subtract(sums, ops.clamp(sums, LOWEST, HIGHEST))
    return ops.convolution(beyond, ops.constant(pairs.totals), [1, 1], nothing, nothing, [1, 1])
