"""The models that come with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

SHIPPED_FLOAT = "asmnet68.keras"
SHIPPED_FLOATS = (SHIPPED_FLOAT, "asmnet68-128.keras", "asmnet68-wild.keras")
SHIPPED_INT8 = "asmnet68-int8.tflite"
SAMPLE = "sample.jpg"  # four drawn people; scripts/make_pictures.py draws it


def shipped(name: str) -> Path:
    """Return the path of a file in the package's ``weights`` folder."""
    return Path(str(resources.files("asmnet_edge") / "weights" / name))


def sample_picture() -> Path:
    """Path of the sample picture, which `predict --sample` uses."""
    return Path(str(resources.files("asmnet_edge") / "assets" / SAMPLE))


def file_or_shipped(path: Path) -> Path:
    """Return ``path``, or the shipped model of that name where no such file is here."""
    bare = len(path.parts) == 1 and not path.exists()
    return shipped(path.name) if bare and shipped(path.name).is_file() else path
