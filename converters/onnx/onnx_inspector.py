"""Inspector of ONNX files: contents, operators with dequantised inputs, ONNX Runtime's kernels."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from asmnet_edge.converters.inspection.audit import (
    SATURATION,
    Inspector,
    Operator,
    cpu_notes,
    saturates,
)
from asmnet_edge.converters.inspection.contents import Read, facts_of
from asmnet_edge.converters.onnx.wire_format import Node, OnnxGraph, onnx_properties, read_onnx
from asmnet_edge.errors import require
from asmnet_edge.io.manifest import KEY

PRODUCTS = {"Conv", "MatMul", "Gemm", "ConvInteger", "MatMulInteger"}
COMPUTING = PRODUCTS | {"GlobalAveragePool", "ReduceMean", "Concat"}
OTHERS_IN_FLOAT = {"Cast", "Sub", "Mul", "Add", "Reshape"}
INTEGER = {"ConvInteger", "MatMulInteger"}
INT8, UINT8 = 3, 2  # TensorProto.DataType
ADDED = re.compile(r"(_token_\d+|_nchwc|/duplicated)+$")  # to names, by the optimiser


def read_contents(path: Path) -> Read:
    """Kind of each operator and the embedded facts, without the onnx package."""
    content = path.read_bytes()
    kinds = [node.kind for node in read_onnx(content).nodes]
    return kinds, facts_of(onnx_properties(content).get(KEY))


def read_operators(path: Path) -> tuple[list[Operator], list[str]]:
    """Computing operators; a QDQ operator is in int8 when all its data inputs come dequantised."""
    graph = read_onnx(path.read_bytes())
    producers = {name: node for node in graph.nodes for name in node.outputs}
    computing, other = [], []
    for node in graph.nodes:
        if _computes(node, producers):
            in_int8 = _in_int8(node, producers, graph)
            name = _name(node)
            computing.append(
                Operator(name, node.kind, in_int8, _multiply_adds(node, producers, graph))
            )
        elif node.kind in OTHERS_IN_FLOAT:
            other.append(f"{node.kind} {_name(node)}")
    return computing, other


def _name(node: Node) -> str:
    return node.name or node.outputs[0]


def _computes(node: Node, producers: Mapping[str, Node]) -> bool:
    """Products, pools, and additions of two results, as in residual blocks, not of a constant."""
    if node.kind != "Add":
        return node.kind in COMPUTING and not (
            node.kind == "Concat" and _is_of_shapes(node, producers)
        )
    return all(producers.get(i) and producers[i].kind != "Constant" for i in node.inputs)


def _is_of_shapes(node: Node, producers: Mapping[str, Node]) -> bool:
    """Whether a concatenation puts shapes together rather than features."""
    return any(
        producers.get(i) and producers[i].kind in ("Unsqueeze", "Shape") for i in node.inputs
    )


def _in_int8(node: Node, producers: Mapping[str, Node], graph: OnnxGraph) -> bool:
    """Data and weights alike; a reduction's second input is its axes."""
    if node.kind in INTEGER:
        return True
    data = node.inputs[:1] if node.kind == "ReduceMean" else node.inputs[:2]
    if node.kind == "Concat":
        data = node.inputs
    return all(producers.get(i) and producers[i].kind == "DequantizeLinear" for i in data)


def _multiply_adds(node: Node, producers: Mapping[str, Node], graph: OnnxGraph) -> int | None:
    if node.kind not in PRODUCTS:
        return 0
    kernel = _shape_of_constant(node.inputs[1], producers, graph)
    if kernel is None or not kernel:
        return None
    if "Conv" not in node.kind:
        return math.prod(kernel)
    result = graph.shapes.get(node.outputs[0], ())
    return math.prod(result[2:]) * math.prod(kernel) if len(result) == 4 and all(result) else None


def _shape_of_constant(
    name: str, producers: Mapping[str, Node], graph: OnnxGraph
) -> tuple[int, ...] | None:
    while name not in graph.constants:
        if name not in producers or not producers[name].inputs:
            return None
        name = producers[name].inputs[0]
    return graph.constants[name]


def probe_runtime(path: Path) -> tuple[str, Mapping[str, str], list[str]]:
    """Operators that ONNX Runtime fused into its integer kernels, by its optimised graph."""
    ort = require("onnxruntime", "onnx")
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        optimised = read_onnx(Path(options.optimized_model_filepath).read_bytes())
    integer = {ADDED.sub("", n.name) for n in optimised.nodes if _is_integer(n.kind)}
    operators, _ = read_operators(path)
    runs = {o.name: "int8" if o.name in integer else "f32" for o in operators}
    notes = []
    if any(operator.int8 for operator in operators):
        notes = cpu_notes()
        if saturates() and _is_u8s8(path):
            notes.append(SATURATION)
    return f"onnxruntime {ort.__version__}", runs, notes


def _is_integer(kind: str) -> bool:
    return (
        kind.startswith("QLinear")
        or "Integer" in kind
        or kind in ("QGemm", "DynamicQuantizeMatMul")
    )


def _is_u8s8(path: Path) -> bool:
    """Whether activations are uint8, by the zero points of the quantisers, and kernels int8."""
    graph = read_onnx(path.read_bytes())
    zeros = {n.inputs[2] for n in graph.nodes if n.kind == "QuantizeLinear" and len(n.inputs) > 2}
    kinds = {graph.types.get(zero) for zero in zeros}
    return UINT8 in kinds and INT8 in graph.types.values()


INSPECTOR = Inspector(read_contents, read_operators, probe_runtime)
