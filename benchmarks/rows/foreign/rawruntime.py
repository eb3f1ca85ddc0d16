"""Network files of any format behind one call: one array in, its outputs by index and by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.errors import ModelError
from asmnet_edge.formats import all_formats, find_format, resolve
from asmnet_edge.runtime.backends.litert import interpreter_class
from asmnet_edge.runtime.backends.onnx_runtime import open_session
from asmnet_edge.runtime.backends.openvino import compiled_model

Results = dict[int | str, Any]


@dataclass(frozen=True)
class RawNetwork:
    """A loaded network.

    name : of the runtime and its version; run : input -> outputs, by number and by name
    """

    name: str
    run: Callable[[Any], Results]


def open_raw(path: Path, threads: int) -> RawNetwork:
    """The network at ``path`` in the usual runtime of its format, on the CPU."""
    spec = find_format(path)
    if spec is None or not spec.network:
        known = ", ".join(spec.suffix for spec in all_formats() if spec.network)
        raise ModelError(f"{path} cannot be run here", f"Known: {known}")
    try:
        network: RawNetwork = resolve(spec.network)(path, threads)
        return network
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path} cannot be loaded: {str(error).strip()}") from error


def open_onnx(path: Path, threads: int) -> RawNetwork:
    """Open any ONNX network in ONNX Runtime."""
    session, name = open_session(path, threads)
    entry, names = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]

    def run(values: Any) -> Results:
        return _numbered(names, session.run(names, {entry: values}))

    return RawNetwork(name, run)


def open_tflite(path: Path, threads: int) -> RawNetwork:
    """Open any TFLite network in the first TFLite runtime that is installed."""
    kind, name = interpreter_class()
    interpreter = kind(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    exits = interpreter.get_output_details()

    def run(values: Any) -> Results:
        interpreter.set_tensor(entry, values)
        interpreter.invoke()
        results = [interpreter.get_tensor(details["index"]) for details in exits]
        return _numbered([details["name"] for details in exits], results)

    return RawNetwork(name, run)


def open_openvino(path: Path, threads: int) -> RawNetwork:
    """Open any OpenVINO IR in OpenVINO."""
    compiled, name = compiled_model(path, threads)
    request = compiled.create_infer_request()
    names = [min(output.names, default=str(n)) for n, output in enumerate(compiled.outputs)]

    def run(values: Any) -> Results:
        results = request.infer([values], share_inputs=True, share_outputs=True)
        return _numbered(names, [results[output] for output in compiled.outputs])

    return RawNetwork(name, run)


def _numbered(names: list[str], results: list[Any]) -> Results:
    return {**dict(enumerate(results)), **dict(zip(names, results, strict=True))}
