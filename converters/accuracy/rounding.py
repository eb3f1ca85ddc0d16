"""Fake quantisation in Keras: layers that round as the runtimes do and pass gradients.

Affine activations, one scale a tensor: q = round(x / s) + z in 0..255, x' = (q - z) s (Jacob et
al., CVPR 2018). Symmetric kernels, one scale an output channel: q in -127..127. The gradient of
rounding is taken as one (Bengio et al. 2013), so that the same layers serve fine-tuning.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

LEVELS = 255  # steps of an affine eight-bit tensor
LARGEST = 127  # of a symmetric eight-bit kernel


class RoundedTensor(layers.Layer):
    """Round a tensor to eight bits over its measured range while ``on`` is 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trainable=False, **options)

    def build(self, shape: Any) -> None:
        self.on = _scalar(self, "on", 0.0)
        self.low, self.high = _scalar(self, "low", 0.0), _scalar(self, "high", 1.0)

    def set_range(self, low: float, high: float) -> None:
        """Set smallest and largest value; the range is extended to 0, as padding must be exact."""
        self.low.assign(min(low, 0.0))
        self.high.assign(max(high, 0.0, min(low, 0.0) + 1e-8))

    def call(self, inputs: Any) -> Any:
        return ops.where(self.on > 0, self._rounded(inputs), inputs)

    def _rounded(self, inputs: Any) -> Any:
        scale = (self.high - self.low) / LEVELS
        zero = ops.round(-self.low / scale)
        levels = ops.clip(ops.round(inputs / scale) + zero, 0, LEVELS)
        inside = ops.clip(inputs, self.low, self.high)
        return inside + ops.stop_gradient((levels - zero) * scale - inside)


def grid(low: float, high: float) -> tuple[float, int]:
    """Return scale and zero point of an eight-bit tensor with that range; see `RoundedTensor`."""
    low, high = min(low, 0.0), max(high, 0.0, min(low, 0.0) + 1e-8)
    scale = (high - low) / LEVELS
    return scale, round(-low / scale)


class RoundedKernel(layers.Layer):
    """Wrap ``layer``, a convolution or dense layer; its kernel is rounded while ``on`` is 1.

    shift : limited weights minus the rounded ones
    overflow : function of the inputs that returns the loss of the results by saturation; it is
    applied while ``saturating``, as set when a function is traced
    """

    def __init__(self, layer: layers.Layer, **options: Any) -> None:
        super().__init__(name=f"{layer.name}_rounded", **options)
        self.layer = layer
        self.overflow: Any = None
        self.saturating = False

    def build(self, shape: Any) -> None:
        self.layer.build(shape)
        self.on = _scalar(self, "on", 0.0)
        kernel = self.layer.trainable_variables[0]
        self.shift = self.add_weight(
            shape=kernel.shape, initializer="zeros", trainable=False, name="shift"
        )

    def call(self, inputs: Any) -> Any:
        kernel, *bias = self.layer.trainable_variables
        limited = _round_kernel(kernel, self._axes) + self.shift
        chosen = ops.where(self.on > 0, kernel + ops.stop_gradient(limited - kernel), kernel)
        results = self.layer.stateless_call([chosen, *bias], [], inputs)[0]
        if self.saturating and self.overflow:
            results -= ops.where(self.on > 0, self.overflow(inputs), 0.0)
        return results

    @property
    def _axes(self) -> tuple[int, ...]:
        return within_channel(self.layer)


def within_channel(layer: layers.Layer) -> tuple[int, ...]:
    """Return the axes of the kernel of ``layer`` that one output channel spans."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return (0, 1)
    return (0, 1, 2) if isinstance(layer, layers.Conv2D) else (0,)


def round_kernel(kernel: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Round ``kernel`` to eight bits, with one scale for all values along ``axes``."""
    rounded = _round_kernel(ops.convert_to_tensor(kernel), axes)
    return np.asarray(ops.convert_to_numpy(rounded))


def _round_kernel(kernel: Any, axes: tuple[int, ...]) -> Any:
    scale = ops.max(ops.abs(kernel), axis=axes, keepdims=True) / LARGEST
    scale = ops.maximum(scale, 1e-12)  # a channel of zeros stays one
    return ops.round(kernel / scale) * scale


def _scalar(layer: layers.Layer, name: str, value: float) -> Any:
    start = keras.initializers.Constant(value)
    return layer.add_weight(shape=(), initializer=start, trainable=False, name=name)
