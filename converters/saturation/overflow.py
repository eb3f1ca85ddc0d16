"""Loss of a convolution's results by saturation, in operators that every runtime has.

Each pair of inputs that can saturate is summed by a convolution of two channels. The excess over 16
bits, summed by output channel, is the loss in kernels without VNNI.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.convolution import Convolution
from asmnet_edge.converters.saturation.pairs import risky

PAIRS_AT_ONCE = 1024  # each pair has a tensor of the size of a channel


@dataclass(frozen=True)
class Pairs:
    """Some pairs of one convolution that can saturate.

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
