"""Sums of products of uint8 activations and int8 weights in x86 kernels without VNNI.

``vpmaddubsw`` adds the products of two neighbouring inputs in 16 bits with saturation, so
a1 w1 + a2 w2 ends at 32767 or -32768 whatever the sum is; VNNI, ARM, XNNPACK and wasm add in 32.
A pair of weights of one sign with |w1| + |w2| <= 128 is safe for all activations, as 128 * 255 is
32640; one of opposite signs always is.

Kernels are kept as rows here: (channels, inputs), the inputs in the order in which the kernels of
ONNX Runtime and oneDNN take them: kernel row, column, input channel, the channel changing fastest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = -(2**15), 2**15 - 1
SAFE = 128  # largest |w1| + |w2| of one sign that no activations can make saturate
LARGEST = 127  # of a symmetric eight-bit weight
ROOM = SAFE - 0.5  # of a pair before rounding, which adds half a step to each weight
SMALLEST_SCALE = 1e-12  # keeps a channel of zeros zero
AT_ONCE = 2**22  # pair products in memory at a time

Codes = NDArray[np.uint8]
Steps = NDArray[np.int8]
Array = NDArray[Any]


@dataclass(frozen=True)
class Pairing:
    """Pairs of inputs that are added in 16 bits: ``first[k]`` and ``second[k]``, both (pairs,)."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]


def in_a_row(inputs: int) -> Pairing:
    """Return ONNX Runtime's pairs: (0, 1), (2, 3), ... of all ``inputs``, less an odd last one."""
    first = np.arange(0, inputs - 1, 2)
    return Pairing(first, first + 1)


def by_place(inputs: int, channels: int) -> Pairing:
    """Return oneDNN's pairs: channels (0, 1), (2, 3), ... of each place of the kernel.

    The same as `in_a_row` where ``channels`` is even; an odd last channel is paired with padding.
    """
    places = np.arange(inputs // channels)[:, None] * channels
    first = (places + np.arange(0, channels - 1, 2)).ravel()
    return Pairing(first, first + 1)


def pairings(inputs: int, channels: int) -> list[Pairing]:
    """Return the pairings of all runtimes."""
    known = [in_a_row(inputs)]
    return known if channels % 2 == 0 else [*known, by_place(inputs, channels)]


def rows_of(kernel: Array) -> Array:
    """Reshape ``kernel`` (out, in, ..places) to rows (out, places * in)."""
    return np.moveaxis(kernel, 1, -1).reshape(len(kernel), -1)


def kernel_of(rows: Array, shape: tuple[int, ...]) -> Array:
    """Undo `rows_of` for a kernel of ``shape`` (out, in, ..places)."""
    return np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def limited(rows: Array, known: list[Pairing]) -> tuple[Steps, NDArray[np.float32]]:
    """Quantise float ``rows`` (out, inputs) to int8 that never saturates; also scales (out,).

    The scale of a channel is that of its largest weight or that of its largest pair, whichever is
    larger: a third more than without limit, where 7-bit weights take twice as much.
    """
    scale = np.abs(rows).max(axis=1, initial=0.0) / LARGEST
    for pairing in known:
        scale = np.maximum(scale, pair_sums(rows, pairing).max(axis=1, initial=0.0) / ROOM)
    scale = np.maximum(scale, SMALLEST_SCALE).astype(np.float32)
    steps = np.clip(np.rint(rows / scale[:, None]), -LARGEST, LARGEST).astype(np.int8)
    return _repaired(steps, known), scale


def _repaired(steps: Steps, known: list[Pairing]) -> Steps:
    """Reduce the larger weight of each pair that rounding left too large, by one step."""
    steps = steps.copy()
    while any(risky(steps, pairing)[0].size for pairing in known):
        for pairing in known:
            rows, pairs = risky(steps, pairing)
            one, other = pairing.first[pairs], pairing.second[pairs]
            larger = np.where(np.abs(steps[rows, one]) >= np.abs(steps[rows, other]), one, other)
            steps[rows, larger] -= np.sign(steps[rows, larger])
    return steps


def pair_sums(rows: Array, pairing: Pairing) -> Array:
    """Return |w1| + |w2| of pairs of one sign, 0 for others: (out, pairs)."""
    one, other = rows[:, pairing.first], rows[:, pairing.second]
    if rows.dtype == np.int8:
        one, other = one.astype(np.int16), other.astype(np.int16)
    return np.where(one * np.sign(other) > 0, np.abs(one) + np.abs(other), 0)


def risky(steps: Steps, pairing: Pairing) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row and pair indices of all weights that can saturate, sorted by row."""
    rows, pairs = np.nonzero(pair_sums(steps, pairing) > SAFE)
    return rows, pairs


def products(codes: Codes, steps: Steps, pairing: Pairing | None = None) -> NDArray[np.float64]:
    """Multiply ``codes`` (n, inputs) by ``steps`` (out, inputs): (n, out) whole numbers.

    pairing : of the kernel whose saturation is simulated; None for exact arithmetic
    """
    exact = codes.astype(np.float64) @ steps.T.astype(np.float64)
    return exact if pairing is None else exact - overflow(codes, steps, pairing)


def overflow(codes: Codes, steps: Steps, pairing: Pairing) -> NDArray[np.float64]:
    """Return the loss of each of the `products` by saturation: (n, out)."""
    lost = np.zeros((len(codes), len(steps)))
    rows, pairs = risky(steps, pairing)
    for some in _chunks(len(rows), max(1, AT_ONCE // max(1, len(codes)))):
        one, other = pairing.first[pairs[some]], pairing.second[pairs[some]]
        sums = codes[:, one].astype(np.int32) * steps[rows[some], one]
        sums += codes[:, other].astype(np.int32) * steps[rows[some], other]
        over = sums - sums.clip(LOWEST, HIGHEST)
        channels, starts = np.unique(rows[some], return_index=True)
        lost[:, channels] += np.add.reduceat(over, starts, axis=1)
    return lost


def _chunks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))
