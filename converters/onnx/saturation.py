"""ONNX files that compute alike with and without VNNI, and how they compute in either arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from asmnet_edge.converters.onnx.convolutions import Convolution, Graph, codes_of
from asmnet_edge.converters.saturation.choice import FACES, PLACES, Layer, better
from asmnet_edge.converters.saturation.pairs import (
    Codes,
    in_a_row,
    kernel_of,
    risky,
    rows_of,
)

Array = NDArray[Any]


def limit(model: Any, given: Any, crops: NDArray[np.uint8]) -> list[str]:
    """Limit the weights of QDQ ``model`` where saturation would cost more; names of those layers.

    given : the float model that ``model`` was made of; crops : calibration faces (n, s, s, 3)
    """
    graph, floats = Graph(model), _float_kernels(given)
    found = [c for c in graph.convolutions() if c.node.name in floats and _can_saturate(c)]
    if not found:
        return []
    some = crops[np.linspace(0, len(crops) - 1, min(FACES, len(crops))).astype(int)]
    seen = _samples(model, found, some)
    changed = [c for c in found if _limit_one(graph, c, floats[c.node.name], seen[c.node.name])]
    return [c.node.name for c in changed]


def _float_kernels(model: Any) -> dict[str, Array]:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        node.name: numpy_helper.to_array(constants[node.input[1]])
        for node in model.graph.node
        if node.op_type == "Conv" and node.input[1] in constants
    }


def _can_saturate(one: Convolution) -> bool:
    rows = rows_of(one.kernel)
    return bool(risky(rows, in_a_row(rows.shape[1]))[0].size)


def _samples(
    model: Any, found: list[Convolution], crops: NDArray[np.uint8]
) -> dict[str, list[Codes]]:
    """What each convolution sees of the crops: an array (samples, inputs) for each of its groups."""
    seen: dict[str, list[list[Codes]]] = {c.node.name: [[] for _ in range(c.groups)] for c in found}
    for values in codes_of(model, [c.codes for c in found], crops):
        for one in found:
            for group, codes in zip(seen[one.node.name], _grouped(one, values), strict=True):
                group.append(one.window.columns(codes, one.zero, PLACES))
    return {name: [np.concatenate(parts) for parts in groups] for name, groups in seen.items()}


def _grouped(one: Convolution, values: dict[str, Array]) -> list[Array]:
    return np.split(values[one.codes], one.groups)


def _limit_one(graph: Graph, one: Convolution, kernel: Array, seen: list[Codes]) -> bool:
    """Whether limited weights were worth it for ``one`` and stand in ``graph`` now."""
    steps, scale, changed = one.kernel.copy(), one.kernel_scale.copy(), False
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
    if changed:
        _store(graph, one, steps, scale)
    return changed


def _store(graph: Graph, one: Convolution, steps: Array, scale: Array) -> None:
    """Kernel, scale, and the bias in its new steps: scale of the codes times that of the kernel."""
    kernel_name, scale_name, *bias = one.names
    graph.replace(kernel_name, steps)
    graph.replace(scale_name, scale.astype(np.float32))
    if bias:
        before, own = graph.value(bias[0]), graph.value(bias[1])
        after = (own / one.kernel_scale * scale).astype(np.float32)
        graph.replace(bias[0], np.rint(before * (own.astype(np.float64) / after)).astype(np.int32))
        graph.replace(bias[1], after)
