"""One protocol for all runtimes, and the choice of one by an artifact's file name.

A new runtime is a new file with a class that fills `InferenceBackend`, and one line in `BACKENDS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.manifest import artifact_files

Crop = NDArray[np.uint8]
Files = Mapping[str, bytes]  # suffix -> content of an artifact's file
Outputs = tuple[NDArray[np.float32], NDArray[np.float32]]
# how ONNX begins to tell where a tensor lies that is not in the file (TensorProto.external_data)
ELSEWHERE = b"\x0a\x08location"


class InferenceBackend(Protocol):
    """An artifact loaded into a runtime.

    name : of the runtime and its version
    """

    name: str

    def run(self, crop: Crop) -> Outputs:
        """``crop`` (1, s, s, 3) uint8 RGB -> landmarks (n, 2) relative to it, pose (3,) degrees.

        The arrays may be views of the runtime's buffers: valid until the next call.
        """


# suffix -> (format, module of the backend)
BACKENDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        ".tflite": ("tflite", "asmnet_edge.runtime.backends.litert"),
        ".onnx": ("onnx", "asmnet_edge.runtime.backends.onnx_runtime"),
        ".xml": ("openvino", "asmnet_edge.runtime.backends.openvino"),
    }
)
SUFFIXES = {name: suffix for suffix, (name, _) in BACKENDS.items()}  # format -> suffix


def read_files(path: Path, largest: int = -1) -> Files:
    """Content of those files of an artifact that are there, ``largest`` bytes of each at most."""
    found = {}
    for file in artifact_files(path):
        if file.is_file():
            try:
                with file.open("rb") as opened:
                    found[file.suffix] = opened.read(largest)
            except OSError as error:
                raise ModelError(f"cannot read {file}: {error.strerror}") from error
    if ELSEWHERE in found.get(".onnx", b""):
        raise ModelError(
            f"{path} keeps weights in other files, for which nothing vouches",
            "Save it as one file: onnx.save(onnx.load(path), path)",
        )
    return found


def open_backend(path: Path, threads: int = 1, files: Files | None = None) -> InferenceBackend:
    """Load a file whose origin is known into the runtime of its format; see
    `asmnet_edge.runtime.artifact.open_artifact`.

    files : what was read of it already
    """
    module = importlib.import_module(backend_module(path))
    backend: InferenceBackend = module.load(path, threads, files=files)
    return backend


def backend_module(path: Path) -> str:
    """Module that runs files named like ``path``; `ModelError` lists the known suffixes."""
    if path.suffix not in BACKENDS:
        raise ModelError(
            f"{path} is not an artifact that can be run", f"Known: {', '.join(BACKENDS)}"
        )
    return BACKENDS[path.suffix][1]


def run_all(backend: InferenceBackend, crops: Crop) -> tuple[FloatArray, FloatArray]:
    """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` (faces, s, s, 3), one at a time."""
    outputs = [tuple(np.copy(output) for output in backend.run(crop[None])) for crop in crops]
    landmarks, pose = zip(*outputs, strict=True)
    return np.stack(landmarks), np.stack(pose)
