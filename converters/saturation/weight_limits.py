"""Pair-limited weights, for the layers whose worse arithmetic they improve.

A limit costs precision everywhere; saturation costs some results on CPUs without VNNI. Both are
measured as errors of the layer's results over activations of the calibration faces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.convolution import Convolution, Samples
from asmnet_edge.converters.saturation.pairs import (
    Codes,
    Pairing,
    Steps,
    kernel_of,
    limited,
    overflow,
    pairings,
    rows_of,
)

Array = NDArray[Any]


@dataclass(frozen=True)
class Change:
    """New weights of a kernel.

    steps : (out, in / groups, h, w) int8; scale : (out,) float32
    shift : (out,) mean result with the old weights minus that with the new ones
    """

    steps: Steps
    scale: NDArray[np.float32]
    shift: Array


def choose_limited(
    one: Convolution, kernel: Array, sampled: Samples, always: bool = False
) -> Change | None:
    """Return limited weights of ``one`` if they reduce its error in the worse arithmetic, or None.

    kernel : float weights (out, in / groups, h, w); sampled : sampled activations by group
    always : return limited weights even if they increase the error
    """
    found = [better(layer, always) for layer in _layers(one, kernel, sampled)]
    if not any(found):
        return None
    parts = zip(found, _layers(one, kernel, sampled), strict=True)
    steps, scale, shift = zip(*(change or _as_it_is(layer) for change, layer in parts), strict=True)
    return Change(
        kernel_of(np.concatenate(steps), one.kernel.shape),
        np.concatenate(scale).astype(np.float32),
        one.scale * np.concatenate(shift),
    )


@dataclass(frozen=True)
class Layer:
    """Quantised weights of one group and sampled activations.

    rows : float weights (out, inputs); steps : int8, same shape; scale : (out,), of the steps
    codes : (samples, inputs) uint8; zero : code of 0; channels : input channels of a kernel place
    """

    rows: Array
    steps: Steps
    scale: Array
    codes: Codes
    zero: int
    channels: int

    @property
    def pairings(self) -> list[Pairing]:
        return pairings(self.rows.shape[1], self.channels)

    def lost(self) -> Array:
        """Return the loss (samples, out) by saturation of the given steps, worst pairing."""
        each = [overflow(self.codes, self.steps, pairing) for pairing in self.pairings]
        return max(each, key=lambda lost: float((lost**2).sum())) * self.scale

    def rounding(self, steps: Steps, scale: Array) -> Array:
        """Return results with ``steps`` minus those with the float weights: (samples, out)."""
        error = (steps * scale[:, None].astype(np.float64) - self.rows).astype(np.float32)
        return (self.codes - np.float32(self.zero)) @ error.T


def _layers(one: Convolution, kernel: Array, sampled: Samples) -> Iterator[Layer]:
    """Yield the groups of ``one`` as layers."""
    parts = (np.split(x, one.groups) for x in (rows_of(kernel), one.rows, one.kernel_scale))
    for rows, steps, scale, codes in zip(*parts, sampled, strict=True):
        yield Layer(rows, steps, scale, codes, one.zero, one.channels)


def _as_it_is(layer: Layer) -> tuple[Steps, Array, Array]:
    return layer.steps, layer.scale, np.zeros(len(layer.scale))


def better(layer: Layer, always: bool = False) -> tuple[Steps, Array, Array] | None:
    """Return limited steps, scales and shift of a group, or None; see `choose_limited`."""
    lost = layer.lost()
    if not lost.any() and not always:
        return None
    steps, scale = limited(layer.rows, layer.pairings)
    before, after = layer.rounding(layer.steps, layer.scale), layer.rounding(steps, scale)
    if _size(after) >= _size(before - lost) and not always:
        return None
    return steps, scale, (before - after).mean(axis=0)


def _size(error: Array) -> float:
    return float((error**2).mean())
