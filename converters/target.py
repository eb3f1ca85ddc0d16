"""What a conversion target is, and the table of those there are.

A new format is a new file with a class that fills `ConversionTarget`, and one line in `TARGETS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.recipe import Recipe


class ConversionTarget(Protocol):
    """A format that the inference graph can be written in.

    tools : packages that take part, for the manifest
    """

    tools: tuple[str, ...]

    def export(self, graph: InferenceGraph, recipe: Recipe, path: Path) -> None:
        """Write ``graph`` to ``path`` as ``recipe`` says."""

    def embed(self, path: Path, manifest: str) -> None:
        """Put the ``manifest`` into the artifact at ``path``."""

    def embedded(self, path: Path) -> str:
        """The manifest that `embed` put into the artifact."""

    def encoding(self, path: Path) -> dict[str, dict[str, Any]]:
        """``type``, ``scale`` and ``zero_point`` of each output that is not float32, by name."""


# format -> (module, class)
TARGETS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "tflite": ("asmnet_edge.converters.tflite.target", "TFLiteTarget"),
        "onnx": ("asmnet_edge.converters.onnx.target", "OnnxTarget"),
        "openvino": ("asmnet_edge.converters.openvino.target", "OpenVinoTarget"),
    }
)


def target_for(name: str) -> ConversionTarget:
    """The target of a format in `TARGETS`; its module is imported only now."""
    module, target_class = TARGETS[name]
    target: ConversionTarget = getattr(importlib.import_module(module), target_class)()
    return target
