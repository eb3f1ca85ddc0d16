"""Weights of ONNX files with the same results with and without VNNI."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from asmnet_edge.converters.onnx.convolutions import Graph, QdqConvolution, codes_of
from asmnet_edge.converters.saturation.choice import Change, choose_limited
from asmnet_edge.converters.saturation.convolution import samples, some_of

Array = NDArray[Any]


def limit(model: Any, given: Any, crops: NDArray[np.uint8], everywhere: bool = False) -> list[str]:
    """Limit weights of QDQ ``model`` in place where saturation costs more; return layer names.

    given : the float model of ``model``; crops : calibration faces (n, s, s, 3) uint8
    everywhere : limit all weights that can saturate
    """
    graph, floats = Graph(model), _float_kernels(given)
    found = [c for c in graph.convolutions() if c.one.name in floats and c.one.can_saturate("row")]
    if not found:
        return []
    seen = samples([c.one for c in found], codes_of(model, found, some_of(crops)))
    changed = []
    for place in found:
        change = choose_limited(place.one, floats[place.one.name], seen[place.one.name], everywhere)
        if change is not None:
            _store(graph, place, change)
            changed.append(place.one.name)
    return changed


def _float_kernels(model: Any) -> dict[str, Array]:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        node.name: numpy_helper.to_array(constants[node.input[1]])
        for node in model.graph.node
        if node.op_type == "Conv" and node.input[1] in constants
    }


def _store(graph: Graph, place: QdqConvolution, change: Change) -> None:
    """Replace kernel, scale and bias, whose scale is that of the codes times the kernel's."""
    kernel_name, scale_name, *bias = place.names
    graph.replace(kernel_name, change.steps)
    graph.replace(scale_name, change.scale)
    if bias:
        values, before = (graph.value(name).astype(np.float64) for name in bias)
        after = (before / place.one.kernel_scale * change.scale).astype(np.float32)
        graph.replace(bias[0], np.rint(values * before / after).astype(np.int32))
        graph.replace(bias[1], after)
