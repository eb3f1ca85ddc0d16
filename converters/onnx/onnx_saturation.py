"""Saturation in QDQ files of ONNX: weights that prevent it, and its simulation on any CPU.

Only convolutions of uint8 codes and int8 kernels saturate, except depthwise ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asmnet_edge.converters.saturation.convolution import (
    Convolution,
    Pairs,
    Window,
    pairs_of,
    samples,
    some_of,
)
from asmnet_edge.converters.saturation.pairs import HIGHEST, LOWEST
from asmnet_edge.converters.saturation.weight_limits import Change, choose_limited
from asmnet_edge.runtime.backends.backend import InferenceBackend
from asmnet_edge.runtime.backends.onnx_runtime import OnnxRuntimeBackend, open_session

PAIRING = "row"  # of ONNX Runtime's kernels, see `Convolution.pairing`

Array = NDArray[Any]


@dataclass(frozen=True)
class QdqConvolution:
    """A convolution and its node in a file.

    codes : name of the tensor of codes; names : of the initialisers of the kernel and its scale,
    and of the bias, if any, and its scale
    """

    one: Convolution
    node: Any
    codes: str
    names: tuple[str, ...]


class Graph:
    """Constants and producers of tensors of an ONNX model, by name."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.producers = {name: node for node in model.graph.node for name in node.output}

    def value(self, name: str) -> Array:
        return numpy_helper.to_array(self.constants[name])

    def replace(self, name: str, values: Array) -> None:
        self.constants[name].CopyFrom(numpy_helper.from_array(values, name))

    def convolutions(self) -> list[QdqConvolution]:
        """Return convolutions of uint8 codes and int8 kernels, except depthwise ones."""
        nodes = [node for node in self.model.graph.node if node.op_type == "Conv"]
        found = [self._convolution(node) for node in nodes]
        return [one for one in found if one is not None and not one.one.is_depthwise]

    def _convolution(self, node: Any) -> QdqConvolution | None:
        data, weights, bias = self._dequantizers(node)
        if data is None or weights is None:
            return None
        scale, zero = self.value(data.input[1]), self.value(data.input[2])
        kernel, scales = (self.value(name) for name in weights.input[:2])
        if zero.dtype != np.uint8 or kernel.dtype != np.int8 or kernel.ndim != 4:
            return None
        window, groups = _window(node, kernel.shape[2:])
        scales = np.broadcast_to(scales, len(kernel))
        one = Convolution(node.name, kernel, scales, float(scale), int(zero), window, groups)
        names = (*weights.input[:2], *(bias.input[:2] if bias is not None else ()))
        return QdqConvolution(one, node, data.input[0], names)

    def _dequantizers(self, node: Any) -> tuple[Any, Any, Any]:
        """Return nodes that dequantise data, kernel and bias of ``node``; None for each without."""
        sources = [self.producers.get(name) for name in [*node.input, "", ""][:3]]
        data, weights, bias = (
            source if source and source.op_type == "DequantizeLinear" else None
            for source in sources
        )
        if data is not None and len(data.input) < 3:
            data = None
        if weights is not None and weights.input[0] not in self.constants:
            weights = None
        return data, weights, bias


def _window(node: Any, kernel: tuple[int, ...]) -> tuple[Window, int]:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    window = Window(
        (kernel[0], kernel[1]),
        tuple(given.get("strides", (1, 1))),
        tuple(given.get("pads", (0, 0, 0, 0))),
        tuple(given.get("dilations", (1, 1))),
    )
    return window, int(given.get("group", 1))


def codes_of(
    model: Any, found: list[QdqConvolution], crops: NDArray[np.uint8]
) -> Iterator[dict[str, Array]]:
    """Yield the input codes (channels, h, w) uint8 of each of ``found`` by name, for each crop.

    Without optimisation ONNX Runtime computes QDQ operators in float: with the same results on
    every CPU, and without saturation.
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = list(dict.fromkeys(one.codes for one in found))
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in names
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    for crop in crops:
        values = dict(zip(names, session.run(names, {"image": crop[None]}), strict=True))
        yield {one.one.name: values[one.codes][0] for one in found}


def limit(model: Any, given: Any, crops: NDArray[np.uint8], everywhere: bool = False) -> list[str]:
    """Limit weights of QDQ ``model`` in place where saturation costs more; return layer names.

    given : the float model of ``model``; crops : calibration faces (n, s, s, 3) uint8
    everywhere : limit all weights that can saturate
    """
    graph, floats = Graph(model), _float_kernels(given)
    found = [
        c for c in graph.convolutions() if c.one.name in floats and c.one.can_saturate(PAIRING)
    ]
    if not found:
        return []
    seen = samples([c.one for c in found], codes_of(model, found, some_of(crops)))
    changed = []
    for place in found:
        change = choose_limited(place.one, floats[place.one.name], seen[place.one.name], everywhere)
        if change is not None:
            _store(graph, place, change)
            changed.append(place.one.name)
    return changed


def _float_kernels(model: Any) -> dict[str, Array]:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        node.name: numpy_helper.to_array(constants[node.input[1]])
        for node in model.graph.node
        if node.op_type == "Conv" and node.input[1] in constants
    }


def _store(graph: Graph, place: QdqConvolution, change: Change) -> None:
    """Replace kernel, scale and bias, whose scale is that of the codes times the kernel's."""
    kernel_name, scale_name, *bias = place.names
    graph.replace(kernel_name, change.steps)
    graph.replace(scale_name, change.scale)
    if bias:
        values, before = (graph.value(name).astype(np.float64) for name in bias)
        after = (before / place.one.kernel_scale * change.scale).astype(np.float32)
        graph.replace(bias[0], np.rint(values * before / after).astype(np.int32))
        graph.replace(bias[1], after)


def load_simulated(path: Path, saturating: bool) -> InferenceBackend | None:
    """Load the file at ``path`` in that arithmetic; None if both are the same, see `simulated`."""
    content = simulated(path.read_bytes(), saturating)
    return None if content is None else OnnxRuntimeBackend(*open_session(path, 1, content))


def simulated(content: bytes, saturating: bool) -> bytes | None:
    """Return an ONNX file with the results of ``content`` in that arithmetic on any CPU.

    None if both are the same, because none of its kernels can saturate. Kernels that can are
    computed in float, less the loss by saturation.
    """
    model = onnx.load_from_string(content)
    graph = Graph(model)
    found = [place for place in graph.convolutions() if place.one.can_saturate(PAIRING)]
    for number, place in enumerate(found):
        _widen(graph, place, f"float_kernel_{number}")
        if saturating:
            _saturate(graph, place, f"saturation_{number}")
    return model.SerializeToString() if found else None


def _widen(graph: Graph, place: QdqConvolution, name: str) -> None:
    """Give ``place`` the float values of its kernel, so that it is computed in float."""
    scales = place.one.kernel_scale.reshape(-1, 1, 1, 1)
    values = (place.one.kernel * scales).astype(np.float32)
    graph.model.graph.initializer.append(numpy_helper.from_array(values, name))
    place.node.input[1] = name


def _saturate(graph: Graph, place: QdqConvolution, name: str) -> None:
    """Subtract the loss by saturation from the results of ``place``."""
    result = place.node.output[0]
    place.node.output[0] = f"{name}_exact"
    nodes = [helper.make_node("Cast", [place.codes], [f"{name}_codes"], to=TensorProto.FLOAT)]
    left = place.node.output[0]
    for number, pairs in enumerate(pairs_of(place.one, PAIRING)):
        part = f"{name}_{number}"
        nodes += _lost(graph, place, pairs, name, part)
        nodes.append(helper.make_node("Sub", [left, f"{part}_lost"], [f"{part}_left"]))
        left = f"{part}_left"
    nodes.append(helper.make_node("Identity", [left], [result]))
    after = list(graph.model.graph.node).index(place.node) + 1
    for offset, node in enumerate(nodes):
        graph.model.graph.node.insert(after + offset, node)


def _lost(graph: Graph, place: QdqConvolution, pairs: Pairs, name: str, part: str) -> list[Any]:
    """Return nodes that compute the loss, ``part``_lost, of ``name``_codes."""
    window = place.one.window
    pads = [0, 0, *window.padding[:2], 0, 0, *window.padding[2:]]
    constants = {
        "channels": pairs.channels,
        "pads": np.array(pads, np.int64),
        "zero": np.float32(place.one.zero),
        "kernel": pairs.kernel,
        "lowest": np.float32(LOWEST),
        "highest": np.float32(HIGHEST),
        "totals": pairs.totals,
    }
    graph.model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(value), f"{part}_{key}")
        for key, value in constants.items()
    )
    slide = {"strides": window.strides, "dilations": window.dilations, "group": len(pairs.kernel)}
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Gather", [f"{name}_codes", f"{part}_channels"], "taken", {"axis": 1}),
        ("Pad", [f"{part}_taken", f"{part}_pads", f"{part}_zero"], "padded", {}),
        ("Conv", [f"{part}_padded", f"{part}_kernel"], "sums", slide),
        ("Clip", [f"{part}_sums", f"{part}_lowest", f"{part}_highest"], "cut", {}),
        ("Sub", [f"{part}_sums", f"{part}_cut"], "beyond", {}),
        ("Conv", [f"{part}_beyond", f"{part}_totals"], "lost", {}),
    ]
    return [
        helper.make_node(kind, inputs, [f"{part}_{output}"], **options)
        for kind, inputs, output, options in steps
    ]
