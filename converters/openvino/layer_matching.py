"""Mapping from layers of the folded Keras graph to operators of an OpenVINO model.

OpenVINO's converter renames operators when it moves a transpose across them. So convolutions are
matched by their kernels, other operators by their inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers
from numpy.typing import NDArray

from asmnet_edge.converters.accuracy.simulation import COMPUTING, operator_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.errors import ModelError

CONVOLUTIONS = ("Convolution", "GroupConvolution")
KINDS = {"Add": "Add", "ReduceMean": "GlobalAveragePooling2D", "Concat": "Concatenate"}


def operators_of(model: Any, graph: InferenceGraph, names: tuple[str, ...]) -> list[str]:
    """Return friendly names of the operators of ``model`` for the Keras layers ``names``.

    Heads are skipped: they stay in float anyway. `ModelError` if an operator cannot be found.
    """
    network = graph.folded()
    known = _layers_by_operator(model, network)
    found = {layer: operator for operator, layer in known.items()}
    wanted = [n for n in names if not isinstance(network.get_layer(n), layers.Dense)]
    if missing := [name for name in wanted if name not in found]:
        raise ModelError(f"OpenVINO's model has no operator of {', '.join(missing)}")
    return [found[name] for name in wanted]


def _layers_by_operator(model: Any, network: Any) -> dict[str, str]:
    """Return the name of the Keras layer of each computing operator, by friendly name."""
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
    """Return the layers that produce the result of ``operator``, past biases and transposes."""
    if operator.get_friendly_name() in known:
        return [known[operator.get_friendly_name()]]
    inputs = range(operator.get_input_size())
    return [t for i in inputs for t in _takes(operator.input_value(i).get_node(), known)]


def _kernel(layer: Any) -> NDArray[np.float32]:
    """Return the kernel of ``layer`` in OpenVINO's order: output channels or groups first."""
    kernel = np.asarray(layer.get_weights()[0])
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return kernel.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))


def _shape_free(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flatten and scale to 1: the pixels' scale is multiplied into the first convolution."""
    return kernel.ravel() / max(float(np.abs(kernel).max()), 1e-30)


def _same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, atol=1e-5))
