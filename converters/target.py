"""The protocol of exporters: what writes the inference graph in one format.

Which exporters there are: `asmnet_edge.formats`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from asmnet_edge.converters.recipe import Recipe
from asmnet_edge.formats import format_named, resolve

if TYPE_CHECKING:  # it brings TensorFlow
    from asmnet_edge.converters.graph import InferenceGraph


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
