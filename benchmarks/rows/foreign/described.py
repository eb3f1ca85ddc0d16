"""Description of a landmark network of others in a small TOML file: docs/foreign-models.md."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from asmnet_edge.benchmarks.rows.foreign.heatmaps import Heatmaps
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.manifest import artifact_files
from asmnet_edge.runtime.backends.backend import Crop
from asmnet_edge.schemes import LandmarkScheme, scheme_named


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
    """What a record says about the network; None where the file does not say it."""

    name: str | None = None
    precision: str = "float32"
    parameters: int | None = None
    multiply_adds: int | None = None
    licence: str | None = None

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})


@dataclass(frozen=True)
class ForeignNetwork:
    """A described network; see the top of this file."""

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
    """Read the description at ``path``; `UsageError` says what is wrong with it.

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
