"""Description of a landmark network of others in a TOML file; its format is in
docs/foreign-models.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_named
from asmnet_edge.io.manifest import artifact_files
from asmnet_edge.runtime.backends.backend import Crop

NEARLY = 1e-7  # the logit of 0 and 1 is infinite


@dataclass(frozen=True)
class Heatmaps:
    """Heat maps (n, rows, columns), whose peaks are the points; ``[output.heatmaps]`` in TOML.

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


# Sections of the file


@dataclass(frozen=True)
class ForeignInput:
    """The input that the network takes, and the crop rule that it expects."""

    size: int
    margin: float = 1.25
    layout: str = "NCHW"
    colour: str = "RGB"
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 255.0
    type: str = "float32"

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {"layout": ("NCHW", "NHWC"), "colour": ("RGB", "BGR"), "type": ("float32", "uint8")}
    )

    def prepare(self, crop: Crop) -> np.ndarray[Any, Any]:
        """Convert ``crop`` (1, s, s, 3) uint8 RGB to the network's input."""
        pixels = crop if self.colour == "RGB" else crop[..., ::-1]
        if self.type != "uint8":
            mean, std = np.float32(self.mean), np.float32(self.std)  # type: ignore[arg-type]
            pixels = (pixels.astype(np.float32) - mean) / std  # type: ignore[assignment]
        ordered = pixels.transpose(0, 3, 1, 2) if self.layout == "NCHW" else pixels
        return np.ascontiguousarray(ordered)


@dataclass(frozen=True)
class ForeignOutput:
    """Location and layout of the landmarks in the network's outputs."""

    index: int = 0
    name: str | None = None
    order: str = "interleaved"
    unit: str = "crop"
    points: tuple[int, ...] = ()
    heatmaps: Heatmaps | None = None

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {"order": ("interleaved", "planar"), "unit": ("crop", "pixels", "centred")}
    )

    def restore(self, values: FloatArray, size: int) -> FloatArray:
        """Convert the network's output, of any shape, to landmarks (n, 2) relative to the crop."""
        if self.heatmaps is not None:
            return self._chosen(self.heatmaps.decode(values, size))
        pairs = values.reshape(2, -1).T if self.order == "planar" else values.reshape(-1, 2)
        chosen = self._chosen(pairs)
        if self.unit == "pixels":
            return (chosen + 0.5) / size
        return (chosen + 1) / 2 if self.unit == "centred" else chosen

    def _chosen(self, pairs: FloatArray) -> FloatArray:
        return pairs[list(self.points)] if self.points else pairs


@dataclass(frozen=True)
class ForeignFacts:
    """Facts for the record; None where the file does not have them."""

    name: str | None = None
    precision: str = "float32"
    parameters: int | None = None
    multiply_adds: int | None = None
    licence: str | None = None

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True)
class ForeignNetwork:
    """A described network: its file, landmark scheme, input, output and facts."""

    model: Path
    scheme: LandmarkScheme
    input: ForeignInput
    output: ForeignOutput
    facts: ForeignFacts = ForeignFacts()

    @property
    def files(self) -> list[Path]:
        """All files of the network, weights beside it too."""
        return artifact_files(self.model)


def read_foreign(path: Path) -> ForeignNetwork:
    """Read the description at ``path``; `UsageError` states its fault.

    Keys and sections that are not known are refused: a misspelt one would be a default otherwise.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        model = path.parent / content.pop("model")
        scheme = scheme_named(content.pop("scheme", "ibug68"))
        source = _part(ForeignInput, content.pop("input"))
        output = content.pop("output", {})
        if "heatmaps" in output:
            output["heatmaps"] = _part(Heatmaps, output["heatmaps"])
        result = _part(ForeignOutput, output)
        facts = _part(ForeignFacts, content, besides=("model", "scheme", "input", "output"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} does not describe a network: {error!r}",
            "Its format is in docs/foreign-models.md",
        ) from error
    network = ForeignNetwork(model, scheme, source, result, facts)
    if missing := [file for file in network.files if not file.is_file()]:
        raise ModelError(f"{path} names {missing[0]}, which is not there")
    return network


def _part(kind: Any, content: Mapping[str, Any], besides: tuple[str, ...] = ()) -> Any:
    """Return ``content`` as the dataclass ``kind``; besides : other keys that are known there."""
    known = {f.name for f in fields(kind)}
    if unknown := set(content) - known:
        every = sorted({*known, *besides})
        raise ValueError(f"{', '.join(sorted(unknown))} is not known; known: {every}")
    for name, choices in kind.CHOICES.items():
        if name in content and content[name] not in choices:
            raise ValueError(f"{name} must be one of {choices}, got {content[name]!r}")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in content.items()})
