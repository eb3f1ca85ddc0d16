"""A convolution in U8S8 arithmetic, whatever format it was read from, and what it sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

FACES = 16  # calibration faces that activations are sampled of
PLACES = 512  # results of a convolution that are looked at in each
SEED = 0

Array = NDArray[Any]
Seen = list[Codes]  # (samples, inputs) for each group of a convolution


@dataclass(frozen=True)
class Window:
    """How a kernel slides: each (rows, columns); padding (top, left, bottom, right)."""

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
        (down, across), (rows, columns) = self.strides, self.dilations
        windows = windows[:, ::down, ::across, ::rows, ::columns]
        height, width = windows.shape[1:3]
        chosen = some_places(height * width, places)
        seen = windows[:, chosen // width, chosen % width]  # (channels, places, h, w)
        return np.moveaxis(seen, 0, -1).reshape(len(chosen), -1)


def some_places(count: int, wanted: int | None) -> NDArray[np.intp]:
    """``wanted`` of ``count``, at random but always the same; all of them without."""
    if wanted is None or wanted >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).choice(count, wanted, replace=False))


@dataclass(frozen=True)
class Convolution:
    """Codes 0 to 255 of activations, (q - zero) scale, times steps of a kernel, w kernel_scale.

    name : of its operator; kernel : (out, in / groups, h, w) int8; kernel_scale : (out,)
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
        """One kernel for each channel: the runtimes have kernels for it that don't saturate."""
        return self.groups == len(self.kernel)

    @property
    def rows(self) -> Steps:
        return rows_of(self.kernel)

    @property
    def channels(self) -> int:
        """Of the input, that one output sees."""
        return int(self.kernel.shape[1])

    def pairing(self, name: str) -> Pairing:
        """That of ``name``: "row" (ONNX Runtime) or "place" (oneDNN)."""
        inputs = self.rows.shape[1]
        return in_a_row(inputs) if name == "row" else by_place(inputs, self.channels)

    def can_saturate(self, pairing: str) -> bool:
        """Whether any activations could make it."""
        return bool(risky(self.rows, self.pairing(pairing))[0].size)

    def columns(self, codes: Codes, places: int | None = None) -> Seen:
        """What its groups see of ``codes`` (channels, h, w), at all places or some."""
        return [
            self.window.columns(part, self.zero, places) for part in np.split(codes, self.groups)
        ]


def some_of(crops: Array) -> Array:
    """Those of ``crops`` that activations are sampled of, evenly spread."""
    return crops[np.linspace(0, len(crops) - 1, min(FACES, len(crops))).astype(int)]


def samples(found: Sequence[Convolution], each: Iterable[dict[str, Codes]]) -> dict[str, Seen]:
    """What each convolution sees, by name; ``each`` : its codes (channels, h, w), crop by crop."""
    seen: dict[str, list[Seen]] = {one.name: [] for one in found}
    for codes in each:
        for one in found:
            seen[one.name].append(one.columns(codes[one.name], PLACES))
    return {
        name: [np.concatenate(group) for group in zip(*parts, strict=True)]
        for name, parts in seen.items()
    }
