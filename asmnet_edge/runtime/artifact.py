"""Opening artifacts: checked against their manifest, or probed in a sandbox where there is none.

`open_artifact` is the one way from a file on disk to a network that the runtime may call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.formats import format_of
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_with
from asmnet_edge.io.files import sha256
from asmnet_edge.io.manifest import (
    ArtifactManifest,
    Precision,
    artifact_files,
    manifest_path,
    read_manifest,
)
from asmnet_edge.runtime.backends.backend import Files, InferenceBackend, open_backend, read_files

LARGEST = 256 * 2**20  # bytes of a file without a manifest
PROBE = "asmnet_edge.runtime.artifact"  # this module's `probe`, which runs in the sandbox
SIZES = (224, 192, 160, 128, 112, 96, 64)  # crop sides tried where a runtime does not report one


@dataclass(frozen=True)
class Artifact:
    """A loaded artifact: its file, its manifest and the backend that runs it.

    crop_rule, landmark_scheme : as its manifest states them
    """

    path: Path
    manifest: ArtifactManifest
    backend: InferenceBackend

    @property
    def crop_rule(self) -> CropRule:
        return self.manifest.crop_rule

    @property
    def landmark_scheme(self) -> LandmarkScheme:
        return self.manifest.landmark_scheme


@dataclass(frozen=True)
class CheckedArtifact:
    """The bytes of an artifact and the manifest that these very bytes were checked against.

    A file that is replaced on disk afterwards is not read again.
    """

    path: Path
    manifest: ArtifactManifest
    files: Files

    def open(self, threads: int = 1) -> Artifact:
        """Load it into the runtime of its format; may be called several times."""
        return Artifact(self.path, self.manifest, open_backend(self.path, threads, self.files))


def open_artifact(path: str | Path, threads: int = 1, trust: bool = False) -> Artifact:
    """Check the artifact at ``path``, see `check_artifact`, and load it into its runtime."""
    return check_artifact(Path(path), trust).open(threads)


def check_artifact(path: Path, trust: bool = False) -> CheckedArtifact:
    """Read ``path`` once and check it against its manifest.

    trust : accept a file without a manifest too, after it was loaded and run in the sandbox
    `ModelError` where the file, its manifest or the probe does not pass.
    """
    format_of(path)  # an unknown suffix is refused before anything is read
    if trust and path.is_file() and not manifest_path(path).exists():
        return _probed(path)
    files = read_files(path)
    contents = {path.with_suffix(suffix): content for suffix, content in files.items()}
    return CheckedArtifact(path, read_manifest(path, contents), files)


def _probed(path: Path) -> CheckedArtifact:
    """Return the artifact at ``path`` with a manifest made of what the probe found out."""
    from asmnet_edge.runtime.sandbox import check_size, run_probe

    files = read_files(path, LARGEST + 1)
    check_size(path, files, LARGEST)
    if missing := [p for p in artifact_files(path) if p.suffix not in files]:
        raise ModelError(f"{missing[0]} is missing", "It belongs to the artifact: copy it too")
    manifest = _manifest(path, run_probe(PROBE, path, files))
    sealed = tuple(
        {"name": path.with_suffix(suffix).name, "bytes": len(content), "sha256": sha256(content)}
        for suffix, content in files.items()
    )
    return CheckedArtifact(path, replace(manifest, files=sealed), files)


def _manifest(path: Path, facts: dict[str, Any]) -> ArtifactManifest:
    """Return what is known of a file that ran: crop size and landmark scheme, by its shapes."""
    try:
        scheme, size = scheme_with(int(facts["points"])), int(facts["size"])
    except UsageError as error:
        raise ModelError(f"{path} gives {facts['points']} points. {error}") from error
    crop = CropRule(size=size)
    return ArtifactManifest(
        format=format_of(path).name,
        precision=Precision.FLOAT32,
        model={"points": scheme.points, "input_size": size},
        scheme=scheme.name,
        crop={"margin": crop.margin, "size": crop.size},
        inputs=(),
        outputs=(),
        parameters=0,
        multiply_adds=0,
        operators={"total": 0, "int8": 0},
        calibration=None,
        source_sha256="",
        provenance={"trusted": "without a manifest"},
        licence="unknown",
        tools={},
    )


def probe(path: Path, files: Files) -> dict[str, Any]:
    """Load a landmark network and run it; called in the sandbox, see `run_probe`.

    Returns size, the crop's side in pixels, and points, the number of landmarks.
    """
    return check_outputs(path, open_backend(path, files=files))


def check_outputs(path: Path, backend: InferenceBackend) -> dict[str, Any]:
    """Run ``backend`` on grey and on noise; `ModelError` unless it keeps the contract."""
    size = _input_size(path, backend)
    noise = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    for crop in (np.full_like(noise, 128), noise):
        landmarks, pose = (np.array(output) for output in backend.run(crop))
        if landmarks.ndim != 2 or landmarks.shape[1] != 2 or pose.shape != (3,):
            shapes = f"{landmarks.shape} and {pose.shape}"
            raise ModelError(f"{path} gives {shapes} instead of landmarks (n, 2) and pose (3,)")
        if not (np.isfinite(landmarks).all() and np.isfinite(pose).all()):
            raise ModelError(f"{path} gives numbers that are not finite")
    return {"size": size, "points": len(landmarks)}


def _input_size(path: Path, backend: InferenceBackend) -> int:
    for size in SIZES:
        try:
            backend.run(np.full((1, size, size, 3), 128, np.uint8))
        except Exception:  # each runtime has its own error for a wrong shape
            continue
        return size
    raise ModelError(f"{path} takes none of the crops that we know")
