"""ONNX files in ONNX Runtime, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asmnet_edge.errors import ModelError, require
from asmnet_edge.runtime.backend import Crop, InferenceBackend, Outputs


class OnnxRuntimeBackend:
    """A session of one ONNX file."""

    def __init__(self, session: Any, name: str) -> None:
        self.name = name
        self._session = session
        self._input = session.get_inputs()[0].name

    def run(self, crop: Crop) -> Outputs:
        landmarks, pose = self._session.run(["landmarks", "pose"], {self._input: crop})
        return landmarks[0], pose[0]


def load(path: Path, threads: int) -> InferenceBackend:
    """The ONNX file at ``path`` with that many threads."""
    ort = require("onnxruntime", "onnx")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen classes of its own, with no base
        reason = str(error).splitlines()[0]
        raise ModelError(f"{path} cannot be loaded as ONNX: {reason}") from error
    return OnnxRuntimeBackend(session, f"onnxruntime {ort.__version__}")
