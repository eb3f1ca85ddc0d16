"""Weights of IR files with the same results with and without VNNI."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as ops

from asmnet_edge.converters.openvino.convolutions import (
    KINDS,
    IrConvolution,
    codes_of,
    convolutions,
    in_one,
)
from asmnet_edge.converters.saturation.choice import Change, choose_limited
from asmnet_edge.converters.saturation.convolution import samples, some_of

Array = NDArray[Any]


def limit(
    model: Any, floats: dict[str, Array], crops: NDArray[np.uint8], everywhere: bool = False
) -> list[str]:
    """Limit weights of int8 ``model`` in place where saturation costs more; return layer names.

    floats : `float_kernels` of the float model; crops : calibration faces (n, s, s, 3) uint8
    everywhere : limit all weights that can saturate
    """
    found = [c for c in convolutions(model) if c.one.name in floats and c.one.can_saturate("place")]
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
