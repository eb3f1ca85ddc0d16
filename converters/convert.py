"""Conversion from start to end: export, check, embed, name. Nothing half-made gets a final name."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import asmnet_edge
from asmnet_edge.converters.calibration import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.parity import compare
from asmnet_edge.converters.target import ConversionTarget, target_for
from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.files import make_folder, put_in_place
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.manifest import ArtifactManifest, Precision, artifact_files, manifest_path
from asmnet_edge.runtime.backend import SUFFIXES, open_backend, run_all
from asmnet_edge.versions import installed_version

UNKNOWN_LICENCE = "not known: ask whoever trained the float model"


@dataclass(frozen=True)
class Order:
    """One artifact to make: format and precision."""

    format: str
    precision: Precision

    def path(self, folder: Path, stem: str) -> Path:
        """Where the artifact will lie."""
        return folder / f"{stem}-{self.precision}{SUFFIXES[self.format]}"

    def files(self, folder: Path, stem: str) -> list[Path]:
        """All files that will be written: the artifact's and its manifest."""
        path = self.path(folder, stem)
        return [*artifact_files(path), manifest_path(path)]


def convert(
    order: Order,
    graph: InferenceGraph,
    calibration: CalibrationSet,
    folder: Path,
    stem: str,
) -> tuple[Path, ArtifactManifest]:
    """Make one artifact in ``folder``; its path and manifest.

    Float precisions use the calibration set for the parity check alone.
    """
    target = target_for(order.format)
    make_folder(folder)
    with _workshop(folder) as workshop:
        path = order.path(Path(workshop), stem)
        needed = calibration if order.precision is Precision.INT8 else None
        target.export(graph, order.precision, needed, path)
        outputs, model = _run(path, calibration.held_out), graph.model
        reference = model.predict(calibration.held_out)
        parity = compare(outputs, reference, model.scheme, graph.size)
        parity.check(order.precision, path.name)
        manifest = _manifest(order, graph, target, needed, path)
        manifest = replace(manifest, parity=parity.as_json())
        target.embed(path, manifest.embedded())
        if not all(map(np.allclose, _run(path, calibration.held_out), outputs)):
            raise CheckFailedError(f"embedding the manifest changed the results of {path.name}")
        return _name_finally(path, manifest, folder)


def _run(path: Path, crops: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray]:
    """Landmarks and pose of ``crops`` by the artifact at ``path``, in the real runtime."""
    outputs = run_all(open_backend(path), crops)
    if not all(np.isfinite(output).all() for output in outputs):
        raise CheckFailedError(f"{path.name} gives numbers that are not finite")
    return outputs


def _workshop(folder: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix=".converting-", dir=folder)
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from error


def _name_finally(
    path: Path, manifest: ArtifactManifest, folder: Path
) -> tuple[Path, ArtifactManifest]:
    """Move the finished files to ``folder``, the artifact's manifest first to go and last to come.

    So a kill between two moves leaves files without a manifest, which nothing opens.
    """
    files = artifact_files(path)
    manifest = manifest.sealed(files)
    final = folder / path.name
    manifest_path(final).unlink(missing_ok=True)
    for file in files:
        put_in_place(file, folder / file.name)
    manifest.save(final)
    return final, manifest


def _manifest(
    order: Order,
    graph: InferenceGraph,
    target: ConversionTarget,
    calibration: CalibrationSet | None,
    path: Path,
) -> ArtifactManifest:
    model = graph.model
    return ArtifactManifest(
        format=order.format,
        precision=order.precision,
        model=asdict(model.variant),
        scheme=model.scheme.name,
        crop=asdict(model.crop),
        inputs=(_image(graph.size),),
        outputs=_outputs(graph.points),
        parameters=graph.parameters,
        multiply_adds=graph.multiply_adds,
        operators=target.operators(path),
        calibration=calibration.as_json() if calibration else None,
        source_sha256=model.source_sha256,
        provenance=model.provenance,
        licence=str(model.provenance.get("licence", UNKNOWN_LICENCE)),
        tools=_versions(target),
    )


def _image(size: int) -> Mapping[str, Any]:
    shape = [1, size, size, 3]
    return {"name": "image", "type": "uint8", "shape": shape, "meaning": "RGB crop, 0 to 255"}


def _outputs(points: int) -> tuple[Mapping[str, Any], ...]:
    landmarks = "x, y relative to the crop: (column + 0.5) / size"
    pose = "yaw, pitch, roll in degrees"
    return (
        {"name": "landmarks", "type": "float32", "shape": [1, points, 2], "meaning": landmarks},
        {"name": "pose", "type": "float32", "shape": [1, 3], "meaning": pose},
    )


def _versions(target: ConversionTarget) -> Mapping[str, str]:
    versions = {name: installed_version(name) for name in target.tools}
    return {"asmnet-edge": asmnet_edge.__version__, **versions}
