"""IR files that compute alike with and without VNNI, and how they compute in either arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import opset13 as ops

from asmnet_edge.converters.openvino.convolutions import Convolution, convolutions, inputs_of
from asmnet_edge.converters.saturation.choice import FACES, PLACES, Layer, better
from asmnet_edge.converters.saturation.pairs import Codes, by_place, kernel_of, risky, rows_of

Array = NDArray[Any]


def limit(model: Any, floats: dict[str, Array], crops: NDArray[np.uint8]) -> list[str]:
    """Limit the weights of int8 ``model`` where saturation would cost more; names of those layers.

    floats : float kernels (out, in, h, w) by their operators' names, as `float_kernels` gives them
    crops : calibration faces (n, s, s, 3)
    """
    found = [c for c in convolutions(model) if c.name in floats and _can_saturate(c)]
    if not found:
        return []
    some = crops[np.linspace(0, len(crops) - 1, min(FACES, len(crops))).astype(int)]
    seen = _samples(model, found, some)
    return [c.name for c in found if _limit_one(c, floats[c.name], seen[c.name])]


def float_kernels(model: Any) -> dict[str, Array]:
    """Kernels (out, in / groups, h, w) of a float model's convolutions by name."""
    found = {}
    for node in model.get_ops():
        source = node.input_value(1).get_node() if node.get_input_size() > 1 else None
        if node.get_type_name() == "Convolution" and source.get_type_name() == "Constant":
            found[node.get_friendly_name()] = np.array(source.get_data())
        elif node.get_type_name() == "GroupConvolution" and source.get_type_name() == "Constant":
            kernel = np.array(source.get_data())
            found[node.get_friendly_name()] = kernel.reshape(-1, *kernel.shape[2:])
    return found


def _can_saturate(one: Convolution) -> bool:
    rows = rows_of(one.kernel)
    return bool(risky(rows, by_place(rows.shape[1], one.channels))[0].size)


def _samples(
    model: Any, found: list[Convolution], crops: NDArray[np.uint8]
) -> dict[str, list[Codes]]:
    """What each convolution sees of the crops: an array (samples, inputs) for each of its groups."""
    seen: dict[str, list[list[Codes]]] = {c.name: [[] for _ in range(c.groups)] for c in found}
    for values in inputs_of(model, [c.name for c in found], crops):
        for one in found:
            parts = np.split(one.codes(values[one.name]), one.groups)
            for group, codes in zip(seen[one.name], parts, strict=True):
                group.append(one.window.columns(codes, one.zero, PLACES))
    return {name: [np.concatenate(parts) for parts in groups] for name, groups in seen.items()}


def _limit_one(one: Convolution, kernel: Array, seen: list[Codes]) -> bool:
    """Whether limited weights were worth it for ``one`` and are its weights now."""
    steps, scale = one.kernel.copy(), np.array(one.kernel_scale)
    shift, changed = np.zeros(len(scale)), False
    size = len(kernel) // one.groups
    for number, codes in enumerate(seen):
        own = slice(number * size, (number + 1) * size)
        layer = Layer(
            rows_of(kernel[own]),
            rows_of(one.kernel[own]),
            one.kernel_scale[own],
            codes,
            one.zero,
            one.channels,
        )
        if (found := better(layer)) is not None:
            steps[own] = kernel_of(found[0], one.kernel[own].shape)
            scale[own], changed = found[1], True
            shift[own] = one.scale * (
                layer.rounding(layer.steps, layer.scale) - layer.rounding(*found)
            ).mean(axis=0)
    if changed:
        _store(one, steps, scale, shift)
    return changed


def _store(one: Convolution, steps: Array, scale: Array, shift: Array) -> None:
    """Kernel and scale; ``shift`` (out,) goes to the bias, which NNCF corrected for other steps."""
    shape, wide = list(one.steps.get_shape()), list(one.scales.get_shape())
    wide = wide if np.prod(wide) == len(scale) else [len(scale), *[1] * (len(shape) - 1)]
    values = ops.constant(steps.reshape(shape), dtype=np.int8)
    one.node.input_value(1).get_node().input_value(0).get_node().input(0).replace_source_output(
        values.output(0)
    )
    factors = ops.constant(scale.reshape(wide).astype(np.float32))
    one.node.input_value(1).get_node().input(1).replace_source_output(factors.output(0))
    _add_to_bias(one, shift)


def _add_to_bias(one: Convolution, shift: Array) -> None:
    for follower in one.node.output(0).get_target_inputs():
        node = follower.get_node()
        other = node.input_value(1 - follower.get_index()).get_node()
        if node.get_type_name() == "Add" and other.get_type_name() == "Constant":
            bias = np.array(other.get_data())
            bias = bias + shift.reshape([1, -1, *[1] * (bias.ndim - 2)]).astype(np.float32)
            node.input(1 - follower.get_index()).replace_source_output(ops.constant(bias).output(0))
