"""Reader of the parts of ONNX files that an audit needs, without the onnx package.

Protocol Buffers wire format: https://protobuf.dev/programming-guides/encoding/; field numbers from
onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asmnet_edge.errors import ModelError

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}


@dataclass(frozen=True)
class Node:
    """An operator: its kind, and the names of its inputs and outputs."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OnnxGraph:
    """A graph, with its nodes in order.

    shapes : of constants and results, where the file has them
    """

    nodes: tuple[Node, ...]
    constants: dict[str, tuple[int, ...]]
    types: dict[str, int]
    shapes: dict[str, tuple[int, ...]]


def read_onnx(content: bytes) -> OnnxGraph:
    """Read the graph of the ONNX file ``content``; `ModelError` when it is none."""
    try:
        model = memoryview(content)
        (graph,) = (value for number, value in _fields(model) if number == 7)
        return _graph(graph)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise ModelError(f"this is not an ONNX file: {error}") from error


def onnx_properties(content: bytes) -> dict[str, str]:
    """Return the ``metadata_props`` of the ONNX file ``content``."""
    entries = [value for number, value in _fields(memoryview(content)) if number == 14]
    return {_text(_one(entry, 1)): _text(_one(entry, 2)) for entry in entries}


def _graph(graph: memoryview) -> OnnxGraph:
    nodes: list[Node] = []
    constants: dict[str, tuple[int, ...]] = {}
    types: dict[str, int] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for number, value in _fields(graph):
        if number == 1:
            nodes.append(_node(value))
        elif number == 5:
            name, constants_shape, kind = _tensor(value)
            constants[name], types[name] = constants_shape, kind
        elif number in (11, 12, 13):
            name, shape = _value_info(value)
            shapes[name] = shape
    return OnnxGraph(tuple(nodes), constants, types, shapes)


def _node(message: memoryview) -> Node:
    fields = list(_fields(message))
    texts = {n: [_text(v) for number, v in fields if number == n] for n in (1, 2, 3, 4)}
    return Node("".join(texts[3]), "".join(texts[4]), tuple(texts[1]), tuple(texts[2]))


def _tensor(message: memoryview) -> tuple[str, tuple[int, ...], int]:
    name, dims, kind = "", [], 0
    for number, value in _fields(message):
        if number == 1:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif number == 2:
            kind = value
        elif number == 8:
            name = _text(value)
    return name, tuple(dims), kind


def _value_info(message: memoryview) -> tuple[str, tuple[int, ...]]:
    """Return name and shape; an unknown dimension is 0."""
    name = _text(_one(message, 1))
    shape = _one(_one(_one(message, 2), 1), 2)
    dims = [v for number, v in _fields(shape) if number == 1]
    return name, tuple(next((n for f, n in _fields(d) if f == 1), 0) for d in dims)


def _one(message: memoryview, wanted: int) -> memoryview:
    return next((value for number, value in _fields(message) if number == wanted), message[:0])


def _text(value: memoryview) -> str:
    return bytes(value).decode()


def _varints(message: memoryview) -> Iterator[int]:
    position = 0
    while position < len(message):
        value, position = _varint(message, position)
        yield value


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field of ``message``: int for varints, else bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        length, position = (FIXED[kind], position) if kind in FIXED else _varint(message, position)
        if position + length > len(message):
            raise ValueError("it breaks off")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, lowest first, and the place after it.

    The top bit of a byte is set where more follow.
    """
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
