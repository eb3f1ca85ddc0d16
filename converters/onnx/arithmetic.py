"""Simulation of exact or saturating arithmetic of an ONNX file, on any CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from asmnet_edge.converters.onnx.convolutions import Graph, QdqConvolution
from asmnet_edge.converters.saturation.overflow import Pairs, pairs_of
from asmnet_edge.converters.saturation.pairs import HIGHEST, LOWEST
from asmnet_edge.runtime.backends.backend import InferenceBackend
from asmnet_edge.runtime.backends.onnx_runtime import OnnxRuntimeBackend, open_session

PAIRING = "row"  # ONNX Runtime's


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
