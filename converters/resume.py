"""Resuming a conversion: which artifacts exist already and equal what would be made now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asmnet_edge.converters.calibration.crops import CalibrationSet
from asmnet_edge.converters.checks.verify import verify
from asmnet_edge.converters.convert import versions
from asmnet_edge.converters.orders import ConversionJob
from asmnet_edge.converters.target import exporter_for
from asmnet_edge.errors import ModelError, OutputExistsError
from asmnet_edge.manifest import ArtifactManifest, read_manifest


def existing_manifest(
    job: ConversionJob, folder: Path, stem: str, source_sha256: str, calibration: CalibrationSet
) -> ArtifactManifest | None:
    """Return the manifest of the artifact that exists already; None when it has to be made.

    `OutputExistsError` when one exists that differs from what the job would make.
    """
    path = job.path(folder, stem)
    if not path.exists():
        return None
    why = difference(job, path, source_sha256, calibration)
    if why:
        raise OutputExistsError(
            f"{path} is there already and {why}", "Give --overwrite or another output"
        )
    return read_manifest(path)


def difference(
    job: ConversionJob, path: Path, source_sha256: str, calibration: CalibrationSet
) -> str | None:
    """Describe how the artifact at ``path`` differs from one made now; None when it does not."""
    try:
        manifest = read_manifest(path)
    except ModelError as error:
        return f"cannot be believed: {error.message}"
    wanted = calibration.as_json() if job.is_calibrated else None
    if manifest.source_sha256 != source_sha256:
        return "was made from another float model"
    if _plain(manifest.calibration) != _plain(wanted):
        return "was calibrated on other faces"
    if tuple(manifest.keep_float) != tuple(job.keep_float):
        return "keeps other layers in float"
    if dict(manifest.tools) != dict(versions(exporter_for(job.format))):
        return "was made with other versions of the tools"
    failed = [check.what for check in verify(path).checks if not check.passed]
    return f"does not pass its checks: {failed[0]}" if failed else None


def _plain(content: Any) -> Any:
    """``content`` as it comes back from JSON."""
    return json.loads(json.dumps(content))
