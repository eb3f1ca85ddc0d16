"""The protocol of all runtimes, and the choice of a runtime by the file name of an artifact.

The runtimes and the modules of their backends are listed in `asmnet_edge.formats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.formats import find_format, format_of, resolve
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.manifest import artifact_files

Crop = NDArray[np.uint8]
Files = Mapping[str, bytes]  # suffix -> content of an artifact's file
Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]


class InferenceBackend(Protocol):
    """An artifact loaded into a runtime.

    name : of the runtime and its version
    """

    name: str

    def run(self, crop: Crop) -> Outputs:
        """Run ``crop`` (1, s, s, 3) uint8 RGB: landmarks (n, 2) relative to it, pose (3,) degrees.

        The arrays may be views of the runtime's buffers: valid until the next call.
        """


def read_files(path: Path, largest: int = -1) -> Files:
    """Read those files of an artifact that exist, ``largest`` bytes of each at most.

    `ModelError` for a file that cannot be read, or that the validator of the format refuses.
    """
    found = {}
    for file in artifact_files(path):
        if file.is_file():
            try:
                with file.open("rb") as opened:
                    found[file.suffix] = opened.read(largest)
            except OSError as error:
                raise ModelError(f"cannot read {file}: {error.strerror}") from error
    spec = find_format(path)
    if spec and spec.validator:
        resolve(spec.validator)(path, found)
    return found


def open_backend(
    path: Path, threads: int = 1, files: Files | None = None, package: str | None = None
) -> InferenceBackend:
    """Load a file of known origin into a runtime of its format.

    Other files: `asmnet_edge.runtime.artifact.open_artifact`.

    files : content that was read already; package : one of the format's runtimes, None for the
    usual one. `UsageError` when that runtime does not run the format.
    """
    spec = format_of(path)
    load = resolve(spec.runtime(package).backend if package else spec.backend)
    backend: InferenceBackend = load(path, threads, files=files)
    return backend


def run_all(backend: InferenceBackend, crops: Crop) -> tuple[FloatArray, FloatArray]:
    """Run ``crops`` (faces, s, s, 3) one by one: landmarks (faces, n, 2) and pose (faces, 3)."""
    outputs = [tuple(np.copy(output) for output in backend.run(crop[None])) for crop in crops]
    landmarks, pose = zip(*outputs, strict=True)
    return np.stack(landmarks), np.stack(pose)
