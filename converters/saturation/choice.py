"""Which layers get pair-limited weights: those whose worse arithmetic they make better.

A limit costs precision everywhere, saturation costs some results on CPUs without VNNI. Both are
measured as errors of the layer's own results, over activations of the calibration faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.pairs import (
    Codes,
    Pairing,
    Steps,
    limited,
    overflow,
    pairings,
)

FACES = 16  # calibration faces that activations are sampled of
PLACES = 512  # results of a layer that are looked at in each
SEED = 0

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """How a convolution slides: each (rows, columns); padding (top, left, bottom, right)."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    def columns(self, codes: Codes, zero: int, places: int | None = None) -> Codes:
        """What the kernel sees of ``codes`` (channels, h, w): (places, inputs), as rows have them.

        places : how many to take, at random but always the same; None for all of them, row by row
        """
        top, left, bottom, right = self.padding
        padded = np.pad(codes, ((0, 0), (top, bottom), (left, right)), constant_values=zero)
        span = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(padded, span, axis=(1, 2))
        windows = windows[
            :, :: self.strides[0], :: self.strides[1], :: self.dilations[0], :: self.dilations[1]
        ]
        height, width = windows.shape[1:3]
        chosen = _some(height * width, places)
        seen = windows[:, chosen // width, chosen % width]  # (channels, places, h, w)
        return np.moveaxis(seen, 0, -1).reshape(len(chosen), -1)


def _some(count: int, wanted: int | None) -> NDArray[np.intp]:
    if wanted is None or wanted >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).choice(count, wanted, replace=False))


@dataclass(frozen=True)
class Layer:
    """A layer's weights as a quantiser made them, and activations that it meets.

    rows : float weights (out, inputs); steps : int8, same shape; scale : (out,), of the steps
    codes : (samples, inputs) uint8; zero : code of 0; channels : input channels of a place
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
        """What saturation takes from each result as it was made, in the worst pairing."""
        each = [overflow(self.codes, self.steps, pairing) for pairing in self.pairings]
        return max(each, key=lambda lost: float((lost**2).sum())) * self.scale

    def rounding(self, steps: Steps, scale: Array) -> Array:
        """How far results with ``steps`` lie from those with the float weights: (samples, out)."""
        error = steps * scale[:, None].astype(np.float64) - self.rows
        return (self.codes - np.float64(self.zero)) @ error.T


def better(layer: Layer) -> tuple[Steps, NDArray[np.float32]] | None:
    """Limited steps and scales for ``layer``, or None where it does better as it is."""
    lost = layer.lost()
    if not lost.any():
        return None
    steps, scale = limited(layer.rows, layer.pairings)
    as_made = layer.rounding(layer.steps, layer.scale) - lost
    return (steps, scale) if _size(layer.rounding(steps, scale)) < _size(as_made) else None


def _size(error: Array) -> float:
    return float((error**2).mean())
