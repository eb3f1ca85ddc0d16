"""Layers as single PyTorch operations, where Keras uses many.

Keras 3.15 normalises on PyTorch by ten operations on whole feature maps, in float32, and rearranges
the memory of each map twice for each convolution. That is most of a training step. These layers
have the weights and the meaning of those that they replace, and take feature maps as they are in
memory. To be imported on PyTorch only.
"""

from __future__ import annotations

from typing import Any

import keras
import torch
from keras import layers, ops
from torch.nn import functional

Tensor = Any


def _first(maps: Tensor) -> Tensor:
    """View of (N, h, w, channels) as (N, channels, h, w), in the same memory."""
    return maps.permute(0, 3, 1, 2)


def _last(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1)


class BatchNormalization(layers.BatchNormalization):
    """Batch normalisation of (N, h, w, channels) as one operation."""

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        learn = bool(training) and self.trainable
        outputs, mean, scale = torch.native_batch_norm(
            _first(inputs),
            self.gamma.value,
            self.beta.value,
            None if learn else self.moving_mean.value,
            None if learn else self.moving_variance.value,
            learn,
            0.0,  # PyTorch's own averages would take up n / (n - 1) of the variance
            self.epsilon,
        )
        if learn:
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, scale**-2 - self.epsilon)
        return _last(outputs)

    def _move(self, average: keras.Variable, value: Tensor) -> None:
        average.assign(average * self.momentum + value.detach() * (1 - self.momentum))


class Conv2D(layers.Conv2D):
    """Convolution that takes feature maps as they are in memory."""

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return _convolved(self, inputs, _tensor(kernel).permute(3, 2, 0, 1))


class DepthwiseConv2D(layers.DepthwiseConv2D):
    """Depthwise convolution that takes feature maps as they are in memory."""

    def call(self, inputs: Tensor) -> Tensor:
        kernel = _tensor(self.kernel)
        return _convolved(self, inputs, kernel.permute(2, 3, 0, 1), groups=kernel.shape[2])


def _tensor(kernel: keras.Variable) -> Tensor:
    """In the precision that the layer computes in."""
    return ops.convert_to_tensor(kernel)


def _convolved(layer: layers.Layer, inputs: Tensor, kernel: Tensor, groups: int = 1) -> Tensor:
    """``layer`` without its bias; of strided ones only those that pad nothing are `fused`."""
    padding = layer.kernel_size[0] // 2 if layer.padding == "same" else 0
    outputs = functional.conv2d(
        _first(inputs), kernel, stride=layer.strides, padding=padding, groups=groups
    )
    return _last(outputs)


def fused(network: keras.Model) -> keras.Model:
    """Return a network like ``network``, with new weights, of the layers above where possible."""
    return keras.models.clone_model(network, clone_function=_fused)


def _fused(layer: layers.Layer) -> layers.Layer:
    kind = _kind(layer)
    return kind.from_config(layer.get_config())


def _kind(layer: layers.Layer) -> type[layers.Layer]:
    if type(layer) is layers.BatchNormalization and layer.center and layer.scale:
        return BatchNormalization
    if type(layer) is layers.Conv2D and _plain(layer):
        return Conv2D
    if type(layer) is layers.DepthwiseConv2D and _plain(layer):
        return DepthwiseConv2D
    return type(layer)


def _plain(layer: layers.Layer) -> bool:
    """Whether `_convolved` supports it: no bias, dilation, groups or one-sided padding."""
    return (
        not layer.use_bias
        and layer.activation is keras.activations.linear
        and set(layer.dilation_rate) == {1}
        and getattr(layer, "groups", 1) == 1
        and getattr(layer, "depth_multiplier", 1) == 1
        and layer.kernel_size[0] == layer.kernel_size[1]
        and layer.kernel_size[0] % 2 == 1
        and (layer.padding == "valid" or set(layer.strides) == {1})
    )
