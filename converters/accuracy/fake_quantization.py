"""Fake quantisation in Keras: layers that round as the runtimes do and pass gradients.

Affine activations, one scale a tensor: q = round(x / s) + z in 0..255, x' = (q - z) s (Jacob et
al., CVPR 2018). Symmetric kernels, one scale an output channel: q in -127..127. The gradient of
rounding is taken as one (Bengio et al. 2013), so that the same layers serve fine-tuning.

`add_saturation` adds what x86 without VNNI does: weights that are limited as the exporters limit
them, and the losses by saturation that remain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.convolution import (
    PLACES,
    Convolution,
    Pairs,
    Window,
    pairs_of,
    some_places,
)
from asmnet_edge.converters.saturation.pairs import HIGHEST, LOWEST
from asmnet_edge.converters.saturation.weight_limits import choose_limited

LEVELS = 255  # steps of an affine eight-bit tensor
LARGEST = 127  # of a symmetric eight-bit kernel
PAIRING = "row"  # whose saturation is simulated, see `Convolution.pairing`

Array = NDArray[Any]


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


class Overflow:
    """The loss by saturation in the results of one convolution, computed by TensorFlow."""

    def __init__(self, layer: layers.Conv2D, one: Convolution) -> None:
        self._layer, self._one = layer, one
        self._parts: list[Pairs] = list(pairs_of(one, PAIRING))

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __call__(self, inputs: Any) -> Any:
        """Return the loss for ``inputs`` (n, h, w, channels), in units of the results."""
        codes = ops.round(inputs / self._one.scale)  # zero where padded
        return sum(self._lost(codes, pairs) for pairs in self._parts)

    def _lost(self, codes: Any, pairs: Pairs) -> Any:
        """Loss of some pairs; codes are relative to their zero point, so that padding is 0."""
        kernel = pairs.kernel.reshape(-1, *pairs.kernel.shape[2:])  # (2 * pairs, h, w)
        taken = ops.take(codes, pairs.channels, axis=-1)
        parts = tf.nn.depthwise_conv2d(
            taken,
            np.moveaxis(kernel, 0, -1)[..., None],
            (1, *self._layer.strides, 1),
            self._layer.padding.upper(),
            dilations=self._layer.dilation_rate,
        )
        offset = self._one.zero * pairs.kernel.sum(axis=(1, 2, 3))
        sums = parts[..., 0::2] + parts[..., 1::2] + offset
        beyond = sums - ops.clip(sums, LOWEST, HIGHEST)
        return ops.matmul(beyond, pairs.totals[:, :, 0, 0].T)


def add_saturation(
    network: keras.Model, takes: Mapping[str, tuple[float, int]], pixels: Array
) -> None:
    """Give the rounded convolutions of ``network`` limited weights and their overflow.

    Weights are limited by the exporters' rule, `choose_limited`, applied to the ranges and
    activations of the simulation: sensitivities and plans thus hold in both arithmetics.

    takes : scale and zero point of the input of each, by name
    pixels : (n, s, s, 3) scaled inputs of the network, to sample activations of
    """
    found = [la for la in network.layers if isinstance(la, RoundedKernel) and _is_full(la.layer)]
    found = [rounded for rounded in found if rounded.layer.name in takes]
    watched = keras.Model(network.inputs, [rounded.input for rounded in found])
    run = tf.function(lambda picture: watched(picture, training=False))
    seen: list[list[Array]] = [[] for _ in found]
    for picture in pixels:
        results = run(picture[None])
        for sampled, values, rounded in zip(seen, results, found, strict=True):
            sampled.append(_columns(rounded.layer, np.asarray(values)))
    for rounded, columns in zip(found, seen, strict=True):
        _add_to_one(rounded, *takes[rounded.layer.name], np.concatenate(columns))


def _is_full(layer: layers.Layer) -> bool:
    """Whether ``layer`` is an ungrouped convolution, which may saturate without VNNI."""
    return isinstance(layer, layers.Conv2D) and layer.groups == 1


def _columns(layer: layers.Conv2D, values: Array) -> Array:
    """Return the inputs (places, inputs) of ``layer`` at some places of ``values`` (1, h, w, c)."""
    patches = tf.image.extract_patches(
        values,
        (1, *layer.kernel_size, 1),
        (1, *layer.strides, 1),
        (1, *layer.dilation_rate, 1),
        layer.padding.upper(),
    )
    rows = np.asarray(patches).reshape(-1, patches.shape[-1])
    return rows[some_places(len(rows), PLACES)]


def _add_to_one(rounded: RoundedKernel, scale: float, zero: int, columns: Array) -> None:
    layer = rounded.layer
    kernel = np.asarray(layer.get_weights()[0])
    largest = np.abs(kernel).max(axis=within_channel(layer))
    scales = np.maximum(largest / LARGEST, 1e-12)
    steps = np.rint(kernel / scales).astype(np.int8)
    codes = (np.rint(columns / scale) + zero).clip(0, LEVELS).astype(np.uint8)
    one = Convolution(layer.name, _out_first(steps), scales, scale, zero, Window(layer.kernel_size))
    change = choose_limited(one, _out_first(kernel), [codes])
    if change is not None:
        one = Convolution(layer.name, change.steps, change.scale, scale, zero, one.window)
        limited = change.steps.transpose(2, 3, 1, 0) * change.scale
        rounded.shift.assign(limited - steps * scales)
    rounded.overflow = Overflow(layer, one)


def _out_first(kernel: Array) -> Array:
    """Transpose a kernel (h, w, in, out) to the order of the formats: (out, in, h, w)."""
    return kernel.transpose(3, 2, 0, 1)
