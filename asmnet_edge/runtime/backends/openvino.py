"""OpenVINO IR (``.xml`` with its ``.bin``) on OpenVINO's CPU plugin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asmnet_edge.errors import ModelError, require
from asmnet_edge.io.system import (
    block_usage_reports,
    environment,
    features,
    installed_version,
)
from asmnet_edge.runtime.backends.backend import Crop, Files, InferenceBackend, Outputs, read_files

CPU_ISA = "ONEDNN_MAX_CPU_ISA"
block_usage_reports()


class OpenVinoBackend:
    """A compiled model with one inference request that is reused."""

    def __init__(self, compiled: Any, name: str) -> None:
        self.name = name
        self._request = compiled.create_infer_request()
        self._input = self._request.get_input_tensor().data
        self._landmarks = compiled.output("landmarks")
        self._pose = compiled.output("pose")

    def run(self, crop: Crop) -> Outputs:
        if crop.dtype != self._input.dtype or crop.shape != self._input.shape:
            raise ValueError(  # the copy below would cast or repeat it without an error
                f"expected a crop {self._input.shape} {self._input.dtype}, "
                f"got {crop.shape} {crop.dtype}"
            )
        self._input[:] = crop  # into its own tensor: binding another at each call took 0.09 ms
        results = self._request.infer(share_outputs=True)
        return results[self._landmarks][0], results[self._pose][0]


@contextmanager
def without_tiles() -> Iterator[None]:
    """Keep oneDNN from using AMX within the block, unless the user chose.

    For networks this small the tiles cost more to set up than they save: int8 was 15 % faster
    without.

    oneDNN reads the variable once, before its first model, and keeps the choice for the process.
    """
    if "amx_int8" not in (features() or ()) or CPU_ISA in os.environ:
        yield
        return
    with environment(**{CPU_ISA: "AVX512_CORE_FP16"}):
        yield


def settings(threads: int) -> dict[str, Any]:
    """Return settings of the CPU plugin: one request at a time, in the file's own precision."""
    return {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }


def compiled_model(path: Path, threads: int, files: Files | None = None) -> tuple[Any, str]:
    """Compile the network at ``path`` for the CPU in its own precision; return it and its runtime.

    files : see `open_backend`

    Without the hint the plugin would run a float32 model in bfloat16 where the CPU can, and a
    "float32" row would be no such thing.
    """
    openvino = require("openvino", "openvino")
    files = read_files(path) if files is None else files
    try:
        with without_tiles():
            core = openvino.Core()
            model = core.read_model(files.get(path.suffix, b""), files.get(".bin", b""))
            compiled = core.compile_model(model, "CPU", settings(threads))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{path} cannot be loaded as OpenVINO IR: {reason}") from error
    return compiled, f"openvino {installed_version('openvino')}"


def load(path: Path, threads: int, files: Files | None = None) -> InferenceBackend:
    """Load the IR (or ONNX file) at ``path`` with ``threads`` threads.

    files : see `open_backend`
    """
    return OpenVinoBackend(*compiled_model(path, threads, files))
