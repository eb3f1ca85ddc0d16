"""Versions of installed packages, for manifests and records."""

from __future__ import annotations

import contextlib
from importlib import metadata


def installed_version(package: str) -> str:
    """Version of ``package``, ``unknown`` if it is not there; TensorFlow's has several names."""
    for name in (package, f"{package}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    return "unknown"
