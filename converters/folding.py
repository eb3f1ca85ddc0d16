"""Folding of batch norms into the convolutions and dense layers before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

WITH_BIAS = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)


def copy_of(network: keras.Model) -> keras.Model:
    """Clone ``network`` with a copy of its weights."""
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    return clone


def fold_batch_norms(network: keras.Model) -> keras.Model:
    """Return ``network`` with batch size 1 and batch norms folded where possible.

    y = g (w x - m) / sqrt(v + e) + b is a convolution with kernel w g / sqrt(v + e) and bias
    b - m g / sqrt(v + e); a bias c of the layer adds c g / sqrt(v + e). A norm is folded if it is
    the only consumer of a linear convolution or dense layer; other norms stay.
    """
    kept = {tensor._keras_history.operation.name for tensor in network.outputs}
    pairs = {norm.name: maker for norm, maker in _normed(network) if maker.name not in kept}
    norms = {maker.name: network.get_layer(name) for name, maker in pairs.items()}

    def call(layer: layers.Layer, *tensors: Any, **options: Any) -> Any:
        return tensors[0] if layer.name in pairs else layer(*tensors, **options)

    folded = keras.models.clone_model(network, clone_function=_with_bias, call_function=call)
    for layer in network.layers:
        if layer.name not in pairs and layer.get_weights():
            weights = _folded_weights(layer, norms.get(layer.name))
            folded.get_layer(layer.name).set_weights(weights)
    return folded


def _normed(network: keras.Model) -> Iterator[tuple[layers.Layer, layers.Layer]]:
    """Yield each batch norm over channels that is the only consumer of a linear layer, and it."""
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization) and layer.axis in (
            -1,
            layer.input.ndim - 1,
        ):
            maker = layer.input._keras_history.operation
            linear = isinstance(maker, WITH_BIAS) and maker.activation is keras.activations.linear
            if linear and len(maker._outbound_nodes) == 1:
                yield layer, maker


def _with_bias(layer: layers.Layer) -> layers.Layer:
    config = layer.get_config()
    if isinstance(layer, layers.InputLayer):
        return layers.InputLayer(batch_shape=(1, *layer.batch_shape[1:]), name=layer.name)
    if isinstance(layer, WITH_BIAS):
        config["use_bias"] = True
    return layer.__class__.from_config(config)


def _folded_weights(
    layer: layers.Layer, norm: layers.BatchNormalization | None
) -> list[NDArray[np.float32]]:
    """Return kernel and bias of ``layer`` with ``norm`` folded; of others, their weights."""
    if not isinstance(layer, WITH_BIAS):
        return list(layer.get_weights())
    kernel, *given = layer.get_weights()
    factor, shift = (1.0, 0.0) if norm is None else _factor_and_shift(norm)
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    scale = np.reshape(factor, kernel.shape[2:]) if depthwise and norm else factor
    bias = (given[0] if given else np.zeros(layer.output.shape[-1])) * factor + shift
    return [(kernel * scale).astype(np.float32), bias.astype(np.float32)]


def _factor_and_shift(norm: layers.BatchNormalization) -> tuple[Any, Any]:
    """Return factor and shift of ``norm`` by channel: y = x * factor + shift."""
    mean, variance = (np.asarray(w, np.float64) for w in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma, np.float64) if norm.scale else 1.0
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return factor, (np.asarray(norm.beta, np.float64) if norm.center else 0.0) - mean * factor
