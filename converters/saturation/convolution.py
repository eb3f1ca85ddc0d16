"""A convolution in U8S8 arithmetic, independent of the format: its activations and its losses.

`samples` collects the activations that weight limits are chosen on. `pairs_of` describes the loss
of results by saturation in operators that every runtime has, so that it can be simulated in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.pairs import (
    Codes,
    Pairing,
    Steps,
    by_place,
    in_a_row,
    risky,
    rows_of,
)

FACES = 16  # calibration faces to sample activations of
PLACES = 512  # output positions of a convolution to sample in each face
SEED = 0  # of the choice of output positions
PAIRS_AT_ONCE = 1024  # in one `Pairs`: each pair has a tensor of the size of a channel

Array = NDArray[Any]
Samples = list[Codes]  # sampled activations (samples, inputs) of each group of a convolution


@dataclass(frozen=True)
class Window:
    """Geometry of a convolution: (rows, columns) each; padding (top, left, bottom, right)."""

    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    def columns(self, codes: Codes, zero: int, places: int | None = None) -> Codes:
        """Return the inputs (places, inputs) of the kernel in ``codes`` (channels, h, w).

        The inputs are in the order of `rows_of`. places : number of output positions to sample with
        a fixed seed; None for all of them, row by row
        """
        top, left, bottom, right = self.padding
        padded = np.pad(codes, ((0, 0), (top, bottom), (left, right)), constant_values=zero)
        span = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(padded, span, axis=(1, 2))
        (down, across), (rows, columns) = self.strides, self.dilations
        windows = windows[:, ::down, ::across, ::rows, ::columns]
        height, width = windows.shape[1:3]
        chosen = some_places(height * width, places)
        sampled = windows[:, chosen // width, chosen % width]  # (channels, places, h, w)
        return np.moveaxis(sampled, 0, -1).reshape(len(chosen), -1)


def some_places(count: int, wanted: int | None) -> NDArray[np.intp]:
    """Return ascending indices of ``wanted`` of ``count``, drawn with a fixed seed; None: all."""
    if wanted is None or wanted >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).choice(count, wanted, replace=False))


@dataclass(frozen=True)
class Convolution:
    """A convolution of uint8 codes q, which stand for (q - zero) scale, and int8 steps of a kernel.

    name : of the operator; kernel : (out, in / groups, h, w) int8; kernel_scale : (out,)
    """

    name: str
    kernel: Steps
    kernel_scale: Array
    scale: float
    zero: int
    window: Window
    groups: int = 1

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel has its own kernel, for which runtimes do not saturate."""
        return self.groups == len(self.kernel)

    @property
    def rows(self) -> Steps:
        """The kernel as rows (out, inputs); see `rows_of`."""
        return rows_of(self.kernel)

    @property
    def channels(self) -> int:
        """Number of input channels of one output channel."""
        return int(self.kernel.shape[1])

    def pairing(self, name: str) -> Pairing:
        """Return the pairing called ``name``: "row" (ONNX Runtime) or "place" (oneDNN)."""
        inputs = self.rows.shape[1]
        return in_a_row(inputs) if name == "row" else by_place(inputs, self.channels)

    def can_saturate(self, pairing: str) -> bool:
        """Whether some activations could make the convolution saturate with that pairing."""
        return bool(risky(self.rows, self.pairing(pairing))[0].size)

    def columns(self, codes: Codes, places: int | None = None) -> Samples:
        """Return the inputs of each group in ``codes`` (channels, h, w); see `Window.columns`."""
        return [
            self.window.columns(part, self.zero, places) for part in np.split(codes, self.groups)
        ]


def some_of(crops: Array) -> Array:
    """Return evenly spaced ``crops`` to sample activations of."""
    return crops[np.linspace(0, len(crops) - 1, min(FACES, len(crops))).astype(int)]


def samples(found: Sequence[Convolution], each: Iterable[dict[str, Codes]]) -> dict[str, Samples]:
    """Return the sampled activations of each convolution of ``found`` by name.

    each : for each crop, the codes (channels, h, w) that each convolution takes, by its name
    """
    sampled: dict[str, list[Samples]] = {one.name: [] for one in found}
    for codes in each:
        for one in found:
            sampled[one.name].append(one.columns(codes[one.name], PLACES))
    return {
        name: [np.concatenate(group) for group in zip(*parts, strict=True)]
        for name, parts in sampled.items()
    }


@dataclass(frozen=True)
class Pairs:
    """Some pairs of one convolution that can saturate.

    A convolution with two input channels a group sums the products of each pair. The excess of
    these sums over 16 bits, added up by output channel, is the loss in kernels without VNNI.

    channels : (2 * pairs,) input channels, one pair after another
    kernel : (pairs, 2, h, w), of a convolution with one group for each pair
    totals : (out, pairs, 1, 1), of a convolution from excess sums to the loss of results
    """

    channels: NDArray[np.int64]
    kernel: NDArray[np.float32]
    totals: NDArray[np.float32]


def pairs_of(one: Convolution, pairing: str) -> Iterator[Pairs]:
    """Yield the pairs of ``one`` that can saturate, in parts; ``pairing``: "row" or "place"."""
    rows, pairs = risky(one.rows, one.pairing(pairing))
    for start in range(0, len(rows), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        yield _pairs(one, pairing, rows[some], pairs[some])


def _pairs(
    one: Convolution, pairing: str, rows: NDArray[np.intp], pairs: NDArray[np.intp]
) -> Pairs:
    known, number = one.pairing(pairing), np.arange(len(rows))
    offset = rows // (len(one.kernel) // one.groups) * one.channels
    channels = np.empty((len(rows), 2), np.int64)
    kernel = np.zeros((len(rows), 2, *one.window.kernel), np.float32)
    for side, inputs in enumerate((known.first[pairs], known.second[pairs])):
        place, channel = np.divmod(inputs, one.channels)
        channels[:, side] = offset + channel
        kernel[number, side, *np.divmod(place, one.window.kernel[1])] = one.rows[rows, inputs]
    totals = np.zeros((len(one.kernel), len(rows), 1, 1), np.float32)
    totals[rows, number, 0, 0] = one.scale * one.kernel_scale[rows]
    return Pairs(channels.ravel(), kernel, totals)
