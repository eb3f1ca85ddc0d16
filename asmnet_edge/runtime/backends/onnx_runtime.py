"""ONNX files in ONNX Runtime, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asmnet_edge.errors import ModelError, require
from asmnet_edge.runtime.backends.backend import Crop, Files, InferenceBackend, Outputs, read_files

# first bytes of TensorProto.external_data: where a tensor lies that is not in the file
EXTERNAL_DATA = b"\x0a\x08location"


def refuse_external_data(path: Path, files: Files) -> None:
    """`ModelError` when the ONNX file at ``path`` keeps weights in files that it names."""
    if EXTERNAL_DATA in files.get(path.suffix, b""):
        raise ModelError(
            f"{path} keeps weights in other files, which no manifest covers",
            "Save it as one file: onnx.save(onnx.load(path), path)",
        )


class OnnxRuntimeBackend:
    """A session of one ONNX file."""

    def __init__(self, session: Any, name: str) -> None:
        self.name = name
        self._session = session
        self._input = session.get_inputs()[0].name

    def run(self, crop: Crop) -> Outputs:
        landmarks, pose = self._session.run(["landmarks", "pose"], {self._input: crop})
        return landmarks[0], pose[0]


def load(path: Path, threads: int, files: Files | None = None) -> InferenceBackend:
    """Load the ONNX file at ``path`` with that many threads; files : see `open_backend`."""
    content = (read_files(path) if files is None else files).get(path.suffix, b"")
    session, name = open_session(path, threads, content)
    return OnnxRuntimeBackend(session, name)


def open_session(path: Path, threads: int, content: bytes | None = None) -> tuple[Any, str]:
    """Open a session of any ONNX file or its ``content``; return it and the runtime's version.

    Numbers too small for a float32's full precision count as 0: arithmetic with them is slow on
    many CPUs, and training leaves them behind. A PFLD with 447,231 of them among 741,192 weights
    took 50 ms with and 2.1 ms without (ONNX Runtime 1.32, Intel Xeon with AMX).

    From the first session of a process on, this holds for the thread that opens it and for ONNX
    Runtime's own threads. It is not restored, because the calling thread computes, too.
    """
    ort = require("onnxruntime", "onnx")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # holds for a process from its first session on
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    try:
        source = str(path) if content is None else content
        session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen classes of its own, with no base
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be loaded as ONNX: {reason}") from error
    return session, f"onnxruntime {ort.__version__}"
