"""The way of pixels into a user's own network: its first rescaling and its order of channels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from asmnet_edge.errors import ModelError
from asmnet_edge.training.pixels import PixelScaling


def fold_rescaling(network: keras.Model, pixels: PixelScaling) -> tuple[keras.Model, PixelScaling]:
    """``network`` without the rescaling that it starts with, which ``pixels`` then does too.

    ((p - o) s) a + b = (p - (o - b / (s a))) s a. What differs by channel stays in the network.
    """
    first = _only_taker(network.inputs[0])
    if not isinstance(first, layers.Rescaling) or np.ndim(first.scale) or np.ndim(first.offset):
        return network, pixels
    scale = pixels.scale * first.scale
    if not scale > 0:
        return network, pixels
    folded = PixelScaling(pixels.offset - first.offset / scale, scale)
    return fold_rescaling(_without(network, first), folded)


def _without(network: keras.Model, gone: layers.Layer) -> keras.Model:
    def call(layer: layers.Layer, *tensors: Any, **options: Any) -> Any:
        return tensors[0] if layer.name == gone.name else layer(*tensors, **options)

    shorter = keras.models.clone_model(network, call_function=call)
    shorter.set_weights(network.get_weights())
    return shorter


def to_rgb(network: keras.Model) -> None:
    """Turn the first convolution's channels from BGR to RGB; exact, as padding is 0 in each."""
    layer: Any = _only_taker(network.inputs[0])
    while isinstance(layer, layers.ZeroPadding2D | layers.Cropping2D):
        layer = _only_taker(layer.output)
    if type(layer) is not layers.Conv2D or layer.groups != 1:
        raise ModelError(
            "its channels cannot be turned to RGB: its picture does not go straight into one "
            "convolution",
            "Put layers.Conv2D(3, 1) that swaps them before it, and import that as rgb",
        )
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel[:, :, ::-1], *bias])


def _only_taker(tensor: Any) -> layers.Layer | None:
    """The one layer that takes ``tensor``, if it is one."""
    nodes = tensor._keras_history.operation._outbound_nodes
    return nodes[0].operation if len(nodes) == 1 else None
