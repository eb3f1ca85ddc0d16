"""Foreign landmark networks as callable models, in any format with a runtime on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.foreign_description import ForeignNetwork, ForeignOutput, read_foreign
from asmnet_edge.benchmarks.record_types import ModelDescription
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.formats import all_formats, find_format, resolve
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.io.files import sha256
from asmnet_edge.runtime.backends.backend import Crop, Outputs
from asmnet_edge.runtime.backends.litert import interpreter_class
from asmnet_edge.runtime.backends.onnx_runtime import open_session
from asmnet_edge.runtime.backends.openvino import compiled_model

Results = dict[int | str, Any]


@dataclass(frozen=True)
class RawNetwork:
    """A loaded network of any format: one array in, its outputs by index and by name out.

    name : of the runtime and its version
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


# A described network behind the contract of our artifacts


class ForeignBackend:
    """A described network with the inputs and outputs of an artifact; its pose is 0."""

    def __init__(self, network: ForeignNetwork, raw: RawNetwork) -> None:
        self.name, self._network, self._raw = raw.name, network, raw

    def run(self, crop: Crop) -> Outputs:
        """Landmarks (n, 2) and pose 0 (3,) of ``crop`` (1, s, s, 3); see `InferenceBackend`."""
        network = self._network
        values = _selected(self._raw.run(network.input.prepare(crop)), network.output)
        landmarks = network.output.restore(np.asarray(values, np.float32), network.input.size)
        return landmarks.astype(np.float32), np.zeros(3, np.float32)


def _selected(results: Results, output: ForeignOutput) -> Any:
    wanted = output.name or output.index
    try:
        return results[wanted]
    except KeyError:
        there = [f"{n!r} {tuple(np.shape(values))}" for n, values in results.items()]
        raise UsageError(
            f"the network has no output {wanted!r}",
            f"Say index = or name = under [output]; there are: {', '.join(there)}",
        ) from None


def foreign_model(path: Path, threads: int) -> CallableModel:
    """Open the network that the TOML file at ``path`` describes."""
    network = read_foreign(path)
    backend = ForeignBackend(network, open_raw(network.model, threads))
    facts = network.facts
    description = ModelDescription(
        name=facts.name or path.stem,
        format=network.model.suffix[1:],
        precision=facts.precision,
        runtime=backend.name,
        bytes=sum(file.stat().st_size for file in network.files),
        parameters=facts.parameters,
        multiply_adds=facts.multiply_adds,
        threads=threads,
        foreign=True,
        licence=facts.licence,
        pose="fitted to its landmarks",
        source_sha256=sha256(network.model),
    )
    rule = CropRule(network.input.margin, network.input.size)
    return CallableModel(description, backend, rule, network.scheme, fits_pose=True)
