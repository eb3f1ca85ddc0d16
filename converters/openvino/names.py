"""Which operators of an OpenVINO model are which layers of the folded Keras graph.

OpenVINO's converter renames whatever it moves a transpose across, so that operators are known by
what they compute: convolutions by their kernels, the others by the operators they take.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers
from numpy.typing import NDArray

from asmnet_edge.converters.accuracy.operators import COMPUTING, operator_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.errors import ModelError

CONVOLUTIONS = ("Convolution", "GroupConvolution")
KINDS = {"Add": "Add", "ReduceMean": "GlobalAveragePooling2D", "Concat": "Concatenate"}


def operators_of(model: Any, graph: InferenceGraph, names: tuple[str, ...]) -> list[str]:
    """Friendly names of the operators of ``model`` that Keras layers ``names`` became.

    Heads have none here: they stay in float anyway. `ModelError` when one cannot be found.
    """
    network = graph.folded()
    known = _layers_by_operator(model, network)
    found = {layer: operator for operator, layer in known.items()}
    wanted = [n for n in names if not isinstance(network.get_layer(n), layers.Dense)]
    if missing := [name for name in wanted if name not in found]:
        raise ModelError(f"OpenVINO's model has no operator of {', '.join(missing)}")
    return [found[name] for name in wanted]


def _layers_by_operator(model: Any, network: Any) -> dict[str, str]:
    """Name of the Keras layer of each computing operator, by the operator's friendly name."""
    computing = [layer for layer in network.layers if isinstance(layer, COMPUTING)]
    kernels = {la.name: _shape_free(_kernel(la)) for la in computing if hasattr(la, "strides")}
    by_takes = {}
    for layer in computing:
        operator = operator_of(layer)
        by_takes[operator.kind, frozenset(operator.takes)] = operator.name
    known: dict[str, str] = {}
    for operator in model.get_ordered_ops():
        name = _match(operator, kernels, by_takes, known)
        if name is not None:
            known[operator.get_friendly_name()] = name
    return known


def _match(operator: Any, kernels: Any, by_takes: Any, known: dict[str, str]) -> str | None:
    kind = operator.get_type_name()
    if kind in CONVOLUTIONS:
        kernel = _shape_free(operator.input_value(1).get_node().get_data())
        return next((n for n, k in kernels.items() if _same(k, kernel)), None)
    if kind not in KINDS:
        return None
    inputs = range(operator.get_input_size())
    takes = [t for i in inputs for t in _takes(operator.input_value(i).get_node(), known)]
    found = by_takes.get((KINDS[kind], frozenset(takes)))
    return found if len(takes) > 1 or kind != "Add" else None


def _takes(operator: Any, known: dict[str, str]) -> list[str]:
    """Layers that the result of ``operator`` comes from, past biases, clamps and transposes."""
    if operator.get_friendly_name() in known:
        return [known[operator.get_friendly_name()]]
    inputs = range(operator.get_input_size())
    return [t for i in inputs for t in _takes(operator.input_value(i).get_node(), known)]


def _kernel(layer: Any) -> NDArray[np.float32]:
    """In OpenVINO's order: output channels first, or groups."""
    kernel = np.asarray(layer.get_weights()[0])
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))


def _shape_free(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flat and scaled to 1: the first convolution has the pixels' scale multiplied into it."""
    return kernel.ravel() / max(float(np.abs(kernel).max()), 1e-30)


def _same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, atol=1e-5))
