"""Landmarks from heat maps: one map a point, whose peak is the point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.landmarks import FloatArray

NEARLY = 1e-7  # the logit of 0 and 1 is infinite


@dataclass(frozen=True)
class Heatmaps:
    """Encoding of n points in a network's maps (n, rows, columns); ``[output.heatmaps]`` in TOML.

    grid : ``centres``: cells tile the crop; ``corners``: the outer cells' centres lie on those of
    the crop's outer pixels
    refine : ``peak``: the highest cell; ``quarter``: a quarter of a cell towards its higher
    neighbour; ``offsets``: two more maps a point hold its distance from the highest cell, those of
    one axis for all points before those of the other
    offset_scale : pixels of the crop to one unit of an offset; offset_logit : whether an offset is
    the logit of what the map holds
    """

    layout: str = "NCHW"
    grid: str = "centres"
    refine: str = "peak"
    offset_order: str = "xy"
    offset_scale: float = 1.0
    offset_logit: bool = False

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {
            "layout": ("NCHW", "NHWC"),
            "grid": ("centres", "corners"),
            "refine": ("peak", "quarter", "offsets"),
            "offset_order": ("xy", "yx"),
        }
    )

    def decode(self, values: NDArray[Any], size: int) -> FloatArray:
        """Decode (1, channels, rows, columns) or (1, rows, columns, channels) to points (n, 2).

        Relative to a crop of ``size`` pixels a side.
        """
        found = values[0].transpose(2, 0, 1) if self.layout == "NHWC" else values[0]
        points = len(found) // 3 if self.refine == "offsets" else len(found)
        maps = found[:points]
        columns, rows = maps.shape[2], maps.shape[1]
        peaks = maps.reshape(points, -1).argmax(axis=1)
        cells = np.stack([peaks % columns, peaks // columns], axis=1).astype(np.float64)
        if self.refine == "quarter":
            cells += 0.25 * _towards_higher(maps, peaks)
        pixels = self._pixels(cells, np.array([columns, rows]), size)
        if self.refine == "offsets":
            pixels += self._offsets(found[points:].reshape(2, points, -1), peaks)
        return (pixels + 0.5) / size

    def _pixels(self, cells: FloatArray, count: FloatArray, size: int) -> FloatArray:
        """Convert cells counted from 0 to pixels of the crop, their centres at integers."""
        if self.grid == "corners":
            return cells * (size - 1) / np.maximum(count - 1, 1)
        return (cells + 0.5) * size / count - 0.5

    def _offsets(self, maps: FloatArray, peaks: NDArray[np.intp]) -> FloatArray:
        """Read offsets (n, 2) x, y in pixels from ``maps`` (2, n, cells) at the peaks (n,)."""
        offsets = np.take_along_axis(maps, peaks[None, :, None], axis=2)[..., 0]
        if self.offset_logit:
            sure = np.clip(offsets.astype(np.float64), NEARLY, 1 - NEARLY)
            offsets = np.log(sure / (1 - sure))
        return self.offset_scale * (offsets if self.offset_order == "xy" else offsets[::-1]).T


def _towards_higher(maps: FloatArray, peaks: NDArray[np.intp]) -> FloatArray:
    """For each peak (n,) the direction, -1, 0 or 1 in x and y, of the higher of its neighbours."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows, columns = np.divmod(peaks, maps.shape[2])
    n, y, x = np.arange(len(maps)), rows + 1, columns + 1
    across = padded[n, y, x + 1] - padded[n, y, x - 1]
    down = padded[n, y + 1, x] - padded[n, y - 1, x]
    return np.sign(np.stack([across, down], axis=1)).astype(np.float64)
