"""Going on with a set of artifacts: what is there and still as it would be made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asmnet_edge.converters.calibration.crops import CalibrationSet
from asmnet_edge.converters.checks.verify import verify
from asmnet_edge.converters.convert import versions
from asmnet_edge.converters.orders import Order
from asmnet_edge.converters.target import target_for
from asmnet_edge.errors import ModelError, OutputExistsError
from asmnet_edge.manifest import ArtifactManifest, read_manifest


def keep(
    order: Order, folder: Path, stem: str, source_sha256: str, calibration: CalibrationSet
) -> ArtifactManifest | None:
    """The manifest of the artifact that is there, or None when it has to be made.

    `OutputExistsError` when there is one that is not what the order would give.
    """
    path = order.path(folder, stem)
    if not path.exists():
        return None
    why = difference(order, path, source_sha256, calibration)
    if why:
        raise OutputExistsError(
            f"{path} is there already and {why}", "Give --overwrite or another output"
        )
    return read_manifest(path)


def difference(
    order: Order, path: Path, source_sha256: str, calibration: CalibrationSet
) -> str | None:
    """What tells the artifact at ``path`` from one made now; None when nothing does."""
    try:
        manifest = read_manifest(path)
    except ModelError as error:
        return f"cannot be believed: {error.message}"
    wanted = calibration.as_json() if order.is_calibrated else None
    if manifest.source_sha256 != source_sha256:
        return "was made from another float model"
    if _plain(manifest.calibration) != _plain(wanted):
        return "was calibrated on other faces"
    if tuple(manifest.keep_float) != tuple(order.keep_float):
        return "keeps other layers in float"
    if dict(manifest.tools) != dict(versions(target_for(order.format))):
        return "was made with other versions of the tools"
    failed = [check.what for check in verify(path).checks if not check.passed]
    return f"does not pass its checks: {failed[0]}" if failed else None


def _plain(content: Any) -> Any:
    """``content`` as it comes back from JSON."""
    return json.loads(json.dumps(content))
