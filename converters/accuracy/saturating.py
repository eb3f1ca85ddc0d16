"""Saturation in the simulated graph: limited weights, and the overflow that remains.

The same rule as for the formats' files (`asmnet_edge.converters.saturation.choice`), applied to the
ranges and activations of the simulation, so that a sensitivity or a plan holds in both arithmetics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from numpy.typing import NDArray

from asmnet_edge.converters.accuracy.rounding import LARGEST, LEVELS, RoundedKernel, within_channel
from asmnet_edge.converters.saturation.choice import choose_limited
from asmnet_edge.converters.saturation.convolution import PLACES, Convolution, Window, some_places
from asmnet_edge.converters.saturation.overflow import Pairs, pairs_of
from asmnet_edge.converters.saturation.pairs import HIGHEST, LOWEST

Array = NDArray[Any]
PAIRING = "row"


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
