"""Inspector of TFLite files: contents by LiteRT's schema, operators that XNNPACK takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asmnet_edge.converters.inspection.audit import HEADS, Inspector, Operator, cpu_notes
from asmnet_edge.converters.inspection.contents import Read, facts_of
from asmnet_edge.errors import require
from asmnet_edge.io.manifest import KEY
from asmnet_edge.io.system import is_x86
from asmnet_edge.runtime.backends.litert import interpreter_class

CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}
COMPUTING = CONVOLUTIONS | {"FULLY_CONNECTED", "MEAN", "CONCATENATION", "ADD"}
OTHERS_IN_FLOAT = {"CAST", "SUB", "MUL", "ADD", "RESHAPE", "PAD"}
FLOATS = {"FLOAT32", "FLOAT16"}


def read_contents(path: Path) -> Read:
    """Kind of each operator and the embedded facts, by the schema that comes with LiteRT."""
    schema = require("ai_edge_litert.schema_py_generated", "convert")
    content = path.read_bytes()
    if not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ValueError("this is not a TFLite file")
    model = schema.Model.GetRootAs(content, 0)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items()}
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    # codes up to 127 stood in another field before there were more
    kinds = [names[max(c.BuiltinCode(), c.DeprecatedBuiltinCode())] for c in codes]
    graph = model.Subgraphs(0)
    used = [kinds[graph.Operators(i).OpcodeIndex()] for i in range(graph.OperatorsLength())]
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    buffers = [model.Buffers(e.Buffer()) for e in entries if e.Name() == KEY.encode()]
    return used, facts_of(buffers[-1].DataAsNumpy().tobytes() if buffers else None)


def read_operators(path: Path) -> tuple[list[Operator], list[str]]:
    """Computing operators; an operator is in int8 when its result is int8."""
    model, names, types = _parsed(path)
    graph, computing, other = model.subgraphs[0], [], []
    for index, operator in enumerate(graph.operators):
        kind, result = names[operator.opcodeIndex], graph.tensors[operator.outputs[0]]
        if kind in COMPUTING and not _adds_a_constant(model, operator, kind):
            computing.append(_operator(model, operator, kind, types, index))
        elif kind in OTHERS_IN_FLOAT and types[result.type] in FLOATS:
            other.append(f"{kind} {result.name.decode()}")
    return computing, other


def _parsed(path: Path) -> tuple[Any, list[str], dict[int, str]]:
    """The model, the kind of each operator code, and the name of each tensor type."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    kinds = {value: key for key, value in vars(schema.BuiltinOperator).items()}
    types = {value: key for key, value in vars(schema.TensorType).items() if isinstance(value, int)}
    # codes up to 127 stood in another field before there were more
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return model, [kinds[code] for code in codes], types


def _operator(
    model: Any, operator: Any, kind: str, types: Mapping[int, str], index: int
) -> Operator:
    tensors = model.subgraphs[0].tensors
    result = tensors[operator.outputs[0]]
    in_int8 = types[result.type] == "INT8"
    weights = tensors[operator.inputs[1]] if len(operator.inputs) > 1 else None
    hybrid = not in_int8 and weights is not None and types[weights.type] == "INT8"
    why = "int8 weights, float results" if hybrid else ""
    if hybrid and kind in HEADS:
        why = f"head, float by design; {why}"
    name = f"{index} {result.name.decode()}"
    return Operator(name, kind, in_int8, _multiply_adds(kind, result, weights), why)


def _multiply_adds(kind: str, result: Any, weights: Any) -> int:
    if kind in CONVOLUTIONS:
        return math.prod(map(int, result.shape[1:3])) * math.prod(map(int, weights.shape))
    return math.prod(map(int, weights.shape)) if kind == "FULLY_CONNECTED" else 0


def _adds_a_constant(model: Any, operator: Any, kind: str) -> bool:
    """Whether this is no residual addition, but that of the mean shape."""
    tensors = (model.subgraphs[0].tensors[i] for i in operator.inputs)
    return kind == "ADD" and any(model.buffers[t.buffer].data is not None for t in tensors)


def probe_runtime(path: Path) -> tuple[str, Mapping[str, str], list[str]]:
    """XNNPACK's operators run in its kernels, all others in TFLite's, in the type of the file."""
    interpreter, runtime = interpreter_class()
    loaded = interpreter(model_path=str(path), num_threads=1)
    loaded.allocate_tensors()
    details = loaded._get_ops_details()  # the only way to see delegation from Python
    delegated = _delegated(details)
    operators, _ = read_operators(path)
    places = {operator: int(operator.name.partition(" ")[0]) for operator in operators}
    runs = {o.name: "int8" if o.int8 else "f32" for o in operators}
    left = [o.name for o, place in places.items() if place not in delegated]
    notes = _notes(runtime, len(operators), left)
    if any(operator.int8 for operator in operators):
        notes += cpu_notes()
    return runtime, runs, notes


def _delegated(details: list[dict[str, Any]]) -> set[int]:
    """Places of the operators that delegates took over: those between what one takes and gives."""
    makers = {t: d for d in details if d["op_name"] != "DELEGATE" for t in d["outputs"].tolist()}
    found: set[int] = set()
    for delegate in (d for d in details if d["op_name"] == "DELEGATE"):
        given, wanted = set(delegate["inputs"].tolist()), delegate["outputs"].tolist()
        while wanted:
            maker = makers.get(wanted.pop())
            if maker and maker["index"] not in found:
                found.add(maker["index"])
                wanted += [t for t in maker["inputs"].tolist() if t not in given]
    return found


def _notes(runtime: str, total: int, left: list[str]) -> list[str]:
    notes = []
    if runtime.startswith("tflite-runtime") and is_x86():
        notes.append("tflite-runtime does not accelerate int8 on x86: install ai-edge-litert")
    taken = total - len(left)
    notes.append(f"XNNPACK takes {taken} of {total} computing operators")
    if left and taken:
        notes.append(f"in TFLite's own kernels: {', '.join(_short(name) for name in left)}")
    return notes


def _short(name: str) -> str:
    return name.partition(" ")[2].partition(";")[0]


INSPECTOR = Inspector(read_contents, read_operators, probe_runtime)
