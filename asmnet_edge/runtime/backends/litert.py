"""TFLite files in LiteRT: ``ai-edge-litert``, else ``tflite-runtime``, else TensorFlow."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import MissingExtraError, ModelError
from asmnet_edge.formats.builtin import AI_EDGE_LITERT, TENSORFLOW, TFLITE_RUNTIME
from asmnet_edge.io.system import installed_version
from asmnet_edge.runtime.backends.backend import Crop, Files, InferenceBackend, Outputs, read_files

OUTDATED = "tflite-runtime "
RUNTIMES = (AI_EDGE_LITERT, TFLITE_RUNTIME, TENSORFLOW)


class LiteRtBackend:
    """An interpreter of one TFLite file."""

    def __init__(self, interpreter: Any, name: str) -> None:
        self.name = name
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        # distinguished by rank: converters give the outputs different names
        by_rank = {len(d["shape"]): d for d in interpreter.get_output_details()}
        self._landmarks, self._pose = by_rank[3], by_rank[2]

    def run(self, crop: Crop) -> Outputs:
        self._interpreter.set_tensor(self._input, crop)
        self._interpreter.invoke()
        return self._result(self._landmarks), self._result(self._pose)

    def _result(self, details: dict[str, Any]) -> NDArray[np.float32]:
        """Return one output without its batch, as float; those of int8-io files are int8."""
        values = self._interpreter.get_tensor(details["index"])[0]
        if details["dtype"] is np.float32:
            return values
        scale, zero_point = details["quantization"]
        return np.float32(scale) * (values.astype(np.float32) - np.float32(zero_point))


def load(
    path: Path, threads: int, package: str | None = None, files: Files | None = None
) -> InferenceBackend:
    """Load the TFLite file at ``path`` with that many threads.

    package : one of `RUNTIMES`, None for the first that is installed; files : see `open_backend`
    It is loaded from its bytes: overwriting a file that LiteRT has mapped would crash the process.
    """
    interpreter_of, name = interpreter_class(package)
    content = (read_files(path) if files is None else files).get(path.suffix, b"")
    if not content:
        raise ModelError(f"{path} cannot be loaded as TFLite: it is missing or empty")
    try:
        interpreter = interpreter_of(model_content=content, num_threads=threads)
        backend = LiteRtBackend(interpreter, name)
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{path} cannot be loaded as TFLite: {error}") from error
    if name.startswith(OUTDATED) and has_scaled_heads(interpreter):
        raise ModelError(
            f"{name} computes {path} wrongly: it drops the scales of a dense layer's rows",
            "pip install ai-edge-litert, or take a float32 model",
        )
    return backend


def load_in_ai_edge_litert(
    path: Path, threads: int, files: Files | None = None
) -> InferenceBackend:
    """Load a TFLite file in ``ai-edge-litert``; see `load`."""
    return load(path, threads, AI_EDGE_LITERT.package, files)


def load_in_tflite_runtime(
    path: Path, threads: int, files: Files | None = None
) -> InferenceBackend:
    """Load a TFLite file in ``tflite-runtime``; see `load`."""
    return load(path, threads, TFLITE_RUNTIME.package, files)


def has_scaled_heads(interpreter: Any) -> bool:
    """Return whether a dense layer has float inputs, and int8 weights with a scale for each row.

    tflite-runtime 2.14 returns only the bias of such a layer, without an error
    (findings/tflite-runtime-dense-layer-is-its-bias.sh): landmarks were 31 px off in 256.
    """
    tensors = {details["index"]: details for details in interpreter.get_tensor_details()}
    dense = [o for o in interpreter._get_ops_details() if o["op_name"] == "FULLY_CONNECTED"]
    for given, weights in ([tensors[i] for i in operator["inputs"][:2]] for operator in dense):
        if given["dtype"] is np.float32 and weights["dtype"] is np.int8:
            return bool(len(weights["quantization_parameters"]["scales"]) > 1)
    return False


def interpreter_class(package: str | None = None) -> tuple[Any, str]:
    """Return the interpreter of ``package`` or the first installed one, and its version."""
    for runtime in [r for r in RUNTIMES if package in (None, r.package)]:
        try:
            interpreter = importlib.import_module(runtime.module).Interpreter
        except ImportError:
            continue
        return interpreter, f"{runtime.package} {installed_version(runtime.package)}"
    wanted = package or "ai-edge-litert"
    raise MissingExtraError(
        f"{package or 'no TFLite runtime'} is {'not ' if package else ''}installed",
        f"Install it with: pip install {wanted}",
    )
