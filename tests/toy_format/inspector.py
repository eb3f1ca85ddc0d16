"""The toy format's inspector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.converters.inspection.audit import Inspector, Operator
from toy_format.backend import json_of, read_arrays

COMPUTING = ("Conv2D", "DepthwiseConv2D", "Dense", "Add", "GlobalAveragePooling2D")


def read_contents(path: Path) -> tuple[list[str], Mapping[str, Any] | None]:
    arrays = read_arrays(path.read_bytes())
    facts = json_of(arrays["manifest"]) if "manifest" in arrays else None
    return [layer["kind"] for layer in json_of(arrays["graph"])["layers"]], facts


def read_operators(path: Path) -> tuple[list[Operator], list[str]]:
    """Computing layers; activations are never in int8."""
    layers = json_of(read_arrays(path.read_bytes())["graph"])["layers"]
    return [Operator(x["name"], x["kind"], False) for x in layers if x["kind"] in COMPUTING], []


def probe_runtime(path: Path) -> tuple[str, Mapping[str, str], list[str]]:
    operators, _ = read_operators(path)
    return f"numpy {np.__version__}", {operator.name: "f32" for operator in operators}, []


INSPECTOR = Inspector(read_contents, read_operators, probe_runtime)
