"""Pixels of an imported network: folding its first rescaling, and turning BGR into RGB."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from asmnet_edge.errors import ModelError
from asmnet_edge.training.pixels import PixelScaling


def fold_rescaling(network: keras.Model, pixels: PixelScaling) -> tuple[keras.Model, PixelScaling]:
    """Return ``network`` without its first rescaling layers, and ``pixels`` with them folded in.

    ((p - o) s) a + b = (p - (o - b / (s a))) s a. A rescaling that differs by channel stays.
    """
    first = _only_consumer(network.inputs[0])
    if not isinstance(first, layers.Rescaling) or np.ndim(first.scale) or np.ndim(first.offset):
        return network, pixels
    scale = pixels.scale * first.scale
    if not scale > 0:
        return network, pixels
    folded = PixelScaling(pixels.offset - first.offset / scale, scale)
    return fold_rescaling(_without(network, first), folded)


def _without(network: keras.Model, removed: layers.Layer) -> keras.Model:
    def call(layer: layers.Layer, *tensors: Any, **options: Any) -> Any:
        return tensors[0] if layer.name == removed.name else layer(*tensors, **options)

    shorter = keras.models.clone_model(network, call_function=call)
    shorter.set_weights(network.get_weights())
    return shorter


def to_rgb(network: keras.Model) -> None:
    """Turn the first convolution's channels from BGR to RGB; exact, since each is padded with 0.

    `ModelError` when the picture does not go straight into one convolution.
    """
    layer: Any = _only_consumer(network.inputs[0])
    while isinstance(layer, layers.ZeroPadding2D | layers.Cropping2D):
        layer = _only_consumer(layer.output)
    if type(layer) is not layers.Conv2D or layer.groups != 1:
        raise ModelError(
            "its channels cannot be turned to RGB: its picture does not go straight into one "
            "convolution",
            "Put layers.Conv2D(3, 1) that swaps them before it, and import that as rgb",
        )
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel[:, :, ::-1], *bias])


def _only_consumer(tensor: Any) -> layers.Layer | None:
    """The layer that takes ``tensor``, or None if there are several."""
    nodes = tensor._keras_history.operation._outbound_nodes
    return nodes[0].operation if len(nodes) == 1 else None
