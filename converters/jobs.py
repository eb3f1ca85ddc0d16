"""Conversion jobs, which are formats times precisions, and the exporters that carry them out.

A `ConversionJob` is one artifact to make. Its `Recipe` is what the format's `Exporter` takes beside
the inference graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.errors import UsageError
from asmnet_edge.formats import (
    CALIBRATED,
    FormatSpec,
    Precision,
    all_formats,
    format_named,
    resolve,
)
from asmnet_edge.io.manifest import manifest_path

if TYPE_CHECKING:
    from asmnet_edge.converters.graph import InferenceGraph


@dataclass(frozen=True)
class Recipe:
    """Precision of an artifact, and the data that its quantisation rests on.

    calibration : faces that activation ranges are measured on; precisions without ranges need none
    keep_float : names of Keras layers of the folded graph, such as ``block_3_depthwise``, whose
    operators stay in float in an int8 artifact
    """

    precision: Precision
    calibration: CalibrationSet | None = None
    keep_float: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.is_calibrated and self.calibration is None:
            raise UsageError(f"{self.precision} needs faces to calibrate on", "Give a data set")
        if self.keep_float and not self.is_calibrated:
            raise UsageError(
                f"{self.precision} has no layers to keep in float: {', '.join(self.keep_float)}",
                "Keep layers in float in an int8 artifact",
            )

    @property
    def is_calibrated(self) -> bool:
        """Whether activations are quantised, to ranges measured on the calibration faces."""
        return self.precision in CALIBRATED

    def check(self, graph: InferenceGraph) -> None:
        """Raise `UsageError` when a layer to keep in float is none of ``graph``'s."""
        known = {layer.name for layer in graph.model.network.layers}
        if unknown := [name for name in self.keep_float if name not in known]:
            raise UsageError(
                f"the network has no layer {', '.join(unknown)} to keep in float",
                "Its computing layers are those that asmnet-edge sensitivity lists",
            )

    @property
    def crops(self) -> CalibrationSet:
        """The calibration faces of a calibrated recipe."""
        assert self.calibration is not None
        return self.calibration


@dataclass(frozen=True)
class ConversionJob:
    """One artifact to make.

    format : name of its format, as in `asmnet_edge.formats`; keep_float : layers to keep in float
    (see `Recipe`)
    """

    format: str
    precision: Precision
    keep_float: tuple[str, ...] = ()

    @property
    def spec(self) -> FormatSpec:
        """The format of the artifact."""
        return format_named(self.format)

    @property
    def is_calibrated(self) -> bool:
        """Whether activation ranges are measured on faces for it."""
        return self.precision in CALIBRATED

    def path(self, folder: Path, stem: str) -> Path:
        """Path of the artifact in ``folder``, from the ``stem`` of the float model's name."""
        return folder / f"{stem}-{self.precision}{self.spec.suffix}"

    def files(self, folder: Path, stem: str) -> list[Path]:
        """Paths of all files that the job writes: the artifact's, then its manifest."""
        path = self.path(folder, stem)
        return [*self.spec.files(path), manifest_path(path)]


def jobs_for(formats: Sequence[str], precisions: Sequence[str]) -> list[ConversionJob]:
    """Return a job for each format and precision, without those that a format does not offer.

    `UsageError` for an unknown format or precision, and when none of ``formats`` offers one of
    ``precisions``.
    """
    specs = [format_named(name) for name in dict.fromkeys(formats)]
    wanted = [_precision(word) for word in dict.fromkeys(precisions)]
    for precision in wanted:
        if not any(precision in spec.precisions for spec in specs):
            having = [spec.name for spec in all_formats() if precision in spec.precisions]
            raise UsageError(
                f"there is no {precision} for {', '.join(formats)}",
                f"These formats have it: {', '.join(having)}",
            )
    return [ConversionJob(s.name, p) for s in specs for p in wanted if p in s.precisions]


def _precision(word: str) -> Precision:
    try:
        return Precision(word)
    except ValueError as error:
        raise UsageError(
            f"no precision is called {word!r}", f"Known: {', '.join(Precision)}"
        ) from error


class Exporter(Protocol):
    """Writes the inference graph in one format.

    tools : packages that take part, whose versions go into the manifest
    """

    tools: tuple[str, ...]

    def export(self, graph: InferenceGraph, recipe: Recipe, path: Path) -> None:
        """Write ``graph`` to ``path`` in the precision of ``recipe``."""

    def embed(self, path: Path, manifest: str) -> None:
        """Put the ``manifest`` (JSON) into the artifact at ``path``."""

    def embedded(self, path: Path) -> str:
        """Return the manifest that `embed` put into the artifact at ``path``."""

    def encoding(self, path: Path) -> dict[str, dict[str, Any]]:
        """``type``, ``scale`` and ``zero_point`` of each output that is not float32, by name."""


def exporter_for(name: str) -> Exporter:
    """Return the exporter of the format called ``name``; its module is imported only now."""
    exporter: Exporter = resolve(format_named(name).exporter)()
    return exporter
