"""What saturation takes from a convolution's results, in operators that any runtime has.

Each pair of inputs that can saturate is summed by a convolution of its own, of two channels; what
lies beyond 16 bits, summed up by output channel, is what the kernels without VNNI lose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.saturation.convolution import Convolution
from asmnet_edge.converters.saturation.pairs import risky

AT_ONCE = 1024  # pairs; each has a tensor of the size of a channel


@dataclass(frozen=True)
class Pairs:
    """Some pairs of one convolution that can saturate.

    channels : (2 * pairs,), of the input, one pair after another
    kernel : (pairs, 2, h, w), for a convolution of as many groups as pairs
    totals : (out, pairs, 1, 1), from sums beyond 16 bits to what results lose
    """

    channels: NDArray[np.int64]
    kernel: NDArray[np.float32]
    totals: NDArray[np.float32]


def pairs_of(one: Convolution, pairing: str) -> Iterator[Pairs]:
    """The pairs of ``one`` that can saturate, `AT_ONCE` at a time; ``pairing``: "row", "place"."""
    rows, pairs = risky(one.rows, one.pairing(pairing))
    for start in range(0, len(rows), AT_ONCE):
        some = slice(start, start + AT_ONCE)
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
