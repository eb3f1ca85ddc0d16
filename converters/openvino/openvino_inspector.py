"""Inspector of OpenVINO IR: contents, FakeQuantize operators, precisions of the CPU plugin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from asmnet_edge.converters.inspection.audit import (
    SATURATION,
    Inspector,
    Operator,
    cpu_notes,
    saturates,
)
from asmnet_edge.converters.inspection.contents import Read, facts_of
from asmnet_edge.errors import require
from asmnet_edge.io.manifest import KEY
from asmnet_edge.io.system import installed_version, is_arm

CONVOLUTIONS = {"Convolution", "GroupConvolution"}
PRODUCTS = CONVOLUTIONS | {"MatMul"}
COMPUTING = PRODUCTS | {"ReduceMean", "Concat", "Add"}
MOVING = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Pad", "ReverseV2", "Gather", "MaxPool"}
CONSTANT = MOVING | {"Multiply", "Subtract", "Convert", "FakeQuantize"}
OTHERS_IN_FLOAT = {"Subtract", "Multiply", "Divide"}


def read_contents(path: Path) -> Read:
    """Kind of each operator and the embedded facts, without OpenVINO."""
    root = ElementTree.parse(path).getroot()
    if root.tag != "net":
        raise ValueError("this is not OpenVINO IR")
    kinds = [layer.get("type", "?") for layer in root.iterfind("./layers/layer")]
    entry = root.find(f"./rt_info/{KEY}")
    return kinds, facts_of(None if entry is None else entry.get("value"))


def read_operators(path: Path) -> tuple[list[Operator], list[str]]:
    """Computing operators; int8 when data and kernel come through a FakeQuantize."""
    model = require("openvino", "openvino").Core().read_model(path)
    ordered = model.get_ordered_ops()
    computing = [op for op in ordered if _computes(op)]
    other = [
        f"{op.get_type_name()} {op.get_friendly_name()}"
        for op in ordered
        if op.get_type_name() in OTHERS_IN_FLOAT and not _is_constant(op)
    ]
    return [_operator(op) for op in computing], other


def _operator(operator: Any) -> Operator:
    kind = operator.get_type_name()
    data = range(operator.get_input_size()) if kind in ("Add", "Concat") else range(1)
    in_int8 = all(_kind(_behind(operator, i, MOVING)) == "FakeQuantize" for i in data)
    if kind in PRODUCTS:
        in_int8 = in_int8 and _has_int8_kernel(operator)
    return Operator(operator.get_friendly_name(), kind, in_int8, _multiply_adds(operator))


def _computes(operator: Any) -> bool:
    """Products, pools, joins of features and additions of two results; biases are fused."""
    kind = operator.get_type_name()
    if kind in ("Add", "Concat"):
        inputs = range(operator.get_input_size())
        joins = not any(_is_constant(operator.input_value(i).get_node()) for i in inputs)
        return joins and (kind == "Add" or operator.get_output_element_type(0).is_real())
    return kind in COMPUTING


def _is_constant(operator: Any) -> bool:
    """Whether ``operator`` gives a constant, as it stands or scaled: a kernel, a bias."""
    return _kind(_behind(operator, None, CONSTANT)) == "Constant"


def _has_int8_kernel(operator: Any) -> bool:
    constant = _behind(operator, 1, CONSTANT)
    return constant.get_output_element_type(0).to_string() in ("i8", "u8", "i4", "u4")


def _behind(operator: Any, port: int | None, passed: set[str]) -> Any:
    """The first operator before ``port`` (None: ``operator`` itself) that is none of ``passed``."""
    found = operator if port is None else operator.input_value(port).get_node()
    while _kind(found) in passed:
        found = found.input_value(0).get_node()
    return found


def _kind(operator: Any) -> str:
    return str(operator.get_type_name())


def _multiply_adds(operator: Any) -> int:
    kind = _kind(operator)
    if kind not in PRODUCTS:
        return 0
    kernel = math.prod(operator.input_value(1).get_shape())
    places = operator.get_output_shape(0)[2:] if kind in CONVOLUTIONS else ()
    return math.prod(places) * kernel


def probe_runtime(path: Path) -> tuple[str, Mapping[str, str], list[str]]:
    """The precision of each operator in the graph that the CPU plugin compiled."""
    openvino = require("openvino", "openvino")
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}  # as the runtime has
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    runs: dict[str, str] = {}
    for operator in compiled.get_runtime_model().get_ops():
        facts = operator.get_rt_info()
        precision = facts["runtimePrecision"].astype(str)
        for name in facts["originalLayersNames"].astype(str).split(","):
            runs[name] = "int8" if precision in ("i8", "u8") else precision
    operators, _ = read_operators(path)
    notes = []
    if any(operator.int8 for operator in operators):
        arm = "OpenVINO runs int8 IR in floating point on ARM: expect no gain from int8"
        notes = [arm] if is_arm() else cpu_notes()
        notes += [SATURATION] if saturates() else []
    return f"openvino {installed_version('openvino')}", runs, notes


INSPECTOR = Inspector(read_contents, read_operators, probe_runtime)
