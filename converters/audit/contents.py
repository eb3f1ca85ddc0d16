"""What a model file holds, read without its runtime: kinds of operators, and facts inside it.

Plain Python throughout, as such a file may come from anywhere: native parsers crash on bad ones.
"""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree

from asmnet_edge.converters.audit.wire import onnx_properties, read_onnx
from asmnet_edge.errors import MissingExtraError, ModelError, require
from asmnet_edge.manifest import KEY
from asmnet_edge.training.facts import read_facts


@dataclass(frozen=True)
class Contents:
    """operators : how many there are of each kind; facts : those inside the file, None without"""

    operators: Mapping[str, int]
    facts: Mapping[str, Any] | None


def read_contents(path: Path) -> Contents:
    """What the file at ``path`` holds; `ModelError` when it cannot be read as its name says."""
    if path.suffix not in READERS:
        raise ModelError(f"{path} is no model file", f"Known: {', '.join(READERS)}")
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    try:
        kinds, facts = READERS[path.suffix](path)
    except MissingExtraError:
        raise
    except Exception as error:  # bad offsets in a flatbuffer may raise anything
        reason = str(error) or type(error).__name__
        raise ModelError(f"{path} cannot be read as {path.suffix}: {reason}") from error
    return Contents(dict(Counter(kinds).most_common()), facts)


Read = tuple[list[str], Mapping[str, Any] | None]


def _tflite(path: Path) -> Read:
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
    return used, _facts(buffers[-1].DataAsNumpy().tobytes() if buffers else None)


def _onnx(path: Path) -> Read:
    content = path.read_bytes()
    return [n.kind for n in read_onnx(content).nodes], _facts(onnx_properties(content).get(KEY))


def _openvino(path: Path) -> Read:
    root = ElementTree.parse(path).getroot()
    if root.tag != "net":
        raise ValueError("this is not OpenVINO IR")
    kinds = [layer.get("type", "?") for layer in root.iterfind("./layers/layer")]
    entry = root.find(f"./rt_info/{KEY}")
    return kinds, _facts(None if entry is None else entry.get("value"))


def _keras(path: Path) -> Read:
    facts = read_facts(path)
    with zipfile.ZipFile(path) as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    return [layer["class_name"] for layer in layers], facts


def _facts(content: str | bytes | None) -> Mapping[str, Any] | None:
    facts = json.loads(content) if content else None
    return facts if isinstance(facts, dict) else None


READERS: Mapping[str, Callable[[Path], Read]] = MappingProxyType(
    {".tflite": _tflite, ".onnx": _onnx, ".xml": _openvino, ".keras": _keras}
)
