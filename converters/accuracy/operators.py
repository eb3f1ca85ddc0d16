"""Computing layers of the folded graph: their inputs and blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from keras import layers

WITH_KERNEL = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)
COMPUTING = (*WITH_KERNEL, layers.Add, layers.GlobalAveragePooling2D, layers.Concatenate)
ACTIVATIONS = (layers.ReLU, layers.Activation)
BLOCK = re.compile(r"^(block_\d+|expanded_conv)_")


@dataclass(frozen=True)
class Operator:
    """A computing layer of the folded graph.

    kind : class of the layer; block : group in sensitivities and plans
    takes : names of the operators whose results are its inputs
    """

    name: str
    kind: str
    block: str
    takes: tuple[str, ...] = ()


def operator_of(layer: layers.Layer) -> Operator:
    """Describe ``layer``, which is one of `COMPUTING`."""
    takes = tuple(name for tensor in _inputs(layer) for name in _makers(tensor))
    return Operator(layer.name, type(layer).__name__, _block(layer), takes)


def _block(layer: layers.Layer) -> str:
    if isinstance(layer, layers.Dense):
        return "heads"
    if isinstance(layer, layers.GlobalAveragePooling2D | layers.Concatenate):
        return "pooling"
    found = BLOCK.match(layer.name)
    return found[1] if found else str(layer.name)


def _inputs(layer: layers.Layer) -> list[Any]:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _makers(tensor: Any) -> list[str]:
    """Return the names of the operators that produce ``tensor``; none for the image."""
    layer = tensor._keras_history.operation
    if isinstance(layer, layers.InputLayer):
        return []
    if isinstance(layer, COMPUTING):
        return [str(layer.name)]
    return [name for before in _inputs(layer) for name in _makers(before)]


def end_of(layer: layers.Layer) -> layers.Layer:
    """Return the layer after which ``layer`` is rounded: the activation that runtimes fuse."""
    nodes = layer._outbound_nodes
    follower = nodes[0].operation if len(nodes) == 1 else None
    return follower if isinstance(follower, ACTIVATIONS) else layer
