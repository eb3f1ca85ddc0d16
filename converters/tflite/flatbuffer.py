"""Reading and writing of TFLite files as objects, in a form that every reader takes.

`write` removes what Google's tools leave in a file, which other readers refuse or misread:

* operator codes that ai-edge-quantizer adds have 0 in ``deprecated_builtin_code``: OpenVINO 2026.4,
  and readers that know no other field, take them for ADD;
* operator codes, tensors and buffers that no operator uses any more;
* buffers that do not begin at a multiple of 16 bytes, as the schema demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

ALIGNMENT = 16  # bytes: ``force_align: 16`` of Buffer.data in TFLite's schema.fbs
PLACEHOLDER = 127  # PLACEHOLDER_FOR_GREATER_OP_CODES: the old field's value for newer operators
IDENTIFIER = b"TFL3"
Index = Callable[[int], int]  # old index -> new one


def read(content: bytes) -> Any:
    """Return the model (`schema.ModelT`) in the TFLite file ``content``."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def write(model: Any) -> bytes:
    """Return the TFLite file of ``model`` (`schema.ModelT`), which is changed in place."""
    _remove_unused_codes(model)
    for number, graph in enumerate(model.subgraphs):
        _remove_unused_tensors(graph, [s for s in _signatures(model) if s.subgraphIndex == number])
    _remove_unused_buffers(model)
    for code in model.operatorCodes:
        code.deprecatedBuiltinCode = min(code.builtinCode, PLACEHOLDER)
    builder = flatbuffers.Builder(1024)
    kept, model.buffers = model.buffers, [_AlignedBuffer(buffer) for buffer in model.buffers]
    builder.Finish(model.Pack(builder), IDENTIFIER)
    model.buffers = kept
    return bytes(builder.Output())


def kind_of(model: Any, operator: Any) -> str:
    """Return the kind of ``operator``, such as ``CONV_2D``."""
    return str(flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex))


def name_of(tensor: Any) -> str:
    """Return the name of ``tensor``."""
    return bytes(tensor.name).decode()


def constant(model: Any, index: int) -> Any:
    """Return the values of the float32 tensor ``index``, flat; empty if it is no constant."""
    data = model.buffers[model.subgraphs[0].tensors[index].buffer].data
    return np.frombuffer(b"" if data is None else bytes(data), np.float32)


def metadata(model: Any, key: str) -> bytes | None:
    """Return the metadata of ``model`` under ``key``; None without."""
    found = [entry for entry in model.metadata or () if bytes(entry.name).decode() == key]
    return bytes(model.buffers[found[0].buffer].data) if found else None


def add_metadata(model: Any, key: str, content: bytes) -> None:
    """Add ``content`` to the metadata of ``model``; it replaces the entry ``key``."""
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(content)
    entry.name, entry.buffer = key.encode(), len(model.buffers)
    model.buffers.append(buffer)
    others = [other for other in model.metadata or () if bytes(other.name).decode() != key]
    model.metadata = [*others, entry]


def _signatures(model: Any) -> Sequence[Any]:
    return model.signatureDefs or ()


def _kept(used: Iterable[int]) -> tuple[list[int], Index]:
    """Return the old indices to keep, ascending, and the mapping from old to new indices.

    -1, which stands for an optional input that is missing, is mapped to itself.
    """
    kept = sorted(set(used) - {-1})
    new = {old: place for place, old in enumerate(kept)} | {-1: -1}
    return kept, lambda old: new[int(old)]


def _remove_unused_codes(model: Any) -> None:
    operators = [operator for graph in model.subgraphs for operator in graph.operators]
    kept, index = _kept(operator.opcodeIndex for operator in operators)
    for operator in operators:
        operator.opcodeIndex = index(operator.opcodeIndex)
    model.operatorCodes = [model.operatorCodes[old] for old in kept]


def _remove_unused_tensors(graph: Any, signatures: Sequence[Any]) -> None:
    """Remove tensors of ``graph`` that are no operator's, input or output; number the others."""
    uses = [*_tensor_lists(graph), *(list(o.intermediates or ()) for o in graph.operators)]
    kept, index = _kept(int(tensor) for tensors in uses for tensor in tensors)
    for owner in (graph, *graph.operators):
        owner.inputs, owner.outputs = ([index(i) for i in x] for x in (owner.inputs, owner.outputs))
    for operator in graph.operators:
        if operator.intermediates is not None:
            operator.intermediates = [index(i) for i in operator.intermediates]
    for signature in signatures:
        for named in (*signature.inputs, *signature.outputs):
            named.tensorIndex = index(named.tensorIndex)
    graph.tensors = [graph.tensors[old] for old in kept]


def _tensor_lists(graph: Any) -> list[Sequence[int]]:
    return [part for owner in (graph, *graph.operators) for part in (owner.inputs, owner.outputs)]


def _remove_unused_buffers(model: Any) -> None:
    """Remove buffers that neither a tensor nor metadata refers to; buffer 0 is empty by rule."""
    users = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    users += model.metadata or ()
    kept, index = _kept([0, *(user.buffer for user in users)])
    for user in users:
        user.buffer = index(user.buffer)
    model.buffers = [model.buffers[old] for old in kept]


class _AlignedBuffer:
    """A buffer whose data begin at a multiple of 16 bytes of the file."""

    def __init__(self, buffer: Any) -> None:
        self._data, self._offset, self._size = buffer.data, buffer.offset, buffer.size

    def Pack(self, builder: Any) -> Any:  # noqa: N802 (called by the generated code)
        """Add the buffer to ``builder``; return its place."""
        data = None if self._data is None else _aligned_vector(builder, bytes(self._data))
        schema.BufferStart(builder)
        if data is not None:
            schema.BufferAddData(builder, data)
        schema.BufferAddOffset(builder, self._offset)
        schema.BufferAddSize(builder, self._size)
        return schema.BufferEnd(builder)


def _aligned_vector(builder: Any, data: bytes) -> Any:
    builder.StartVector(1, len(data), ALIGNMENT)
    builder.head = builder.Head() - len(data)
    builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
    return builder.EndVector()
