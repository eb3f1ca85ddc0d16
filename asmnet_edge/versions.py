"""Versions of installed packages, for manifests and records."""

from __future__ import annotations

import contextlib
from importlib import metadata


def installed_version(package: str) -> str:
    """Return the version of ``package`` or its -cpu variant; ``unknown`` if not installed."""
    for name in (package, f"{package}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    return "unknown"
