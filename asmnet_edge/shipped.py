"""The models that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

SHIPPED_FLOAT = "asmnet68.keras"
SHIPPED_INT8 = "asmnet68-int8.tflite"


def shipped(name: str) -> Path:
    """Path of a file in the package's ``weights`` folder."""
    return Path(str(resources.files("asmnet_edge") / "weights" / name))
