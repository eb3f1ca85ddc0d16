"""The models that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

SHIPPED_FLOAT = "asmnet68.keras"
SHIPPED_FLOATS = (SHIPPED_FLOAT, "asmnet68-128.keras", "asmnet68-wild.keras")
SHIPPED_INT8 = "asmnet68-int8.tflite"


def shipped(name: str) -> Path:
    """Return the path of a file in the package's ``weights`` folder."""
    return Path(str(resources.files("asmnet_edge") / "weights" / name))


def file_or_shipped(path: Path) -> Path:
    """Return ``path``; for a bare name that does not exist here, the shipped file of that name."""
    bare = len(path.parts) == 1 and not path.exists()
    return shipped(path.name) if bare and shipped(path.name).is_file() else path
