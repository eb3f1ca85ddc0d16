"""ONNX models in one canonical form, so that equal conversions write equal bytes.

tf2onnx and ONNX Runtime's quantizer keep nodes and tensors in Python sets of strings, whose order
differs from process to process with the hash seed (``PYTHONHASHSEED``), and number what they insert
by counters that run on over all conversions of a process. So the same graph comes with other names
(``Conv__222`` or ``Conv__513``), with another one of several equal constants kept, and with its
constants in another order. The numbers in it do not differ.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

NUMBER = re.compile(r"__\d+(?=$|:|_)")  # tf2onnx' make_name: Conv__222:0
PORT = re.compile(r":\d+$")


def canonical(model: Any) -> Any:
    """Sort the nodes and constants of ``model`` in place, name them anew, and return it.

    Nodes come in the order of a depth-first search from the outputs, constants in that of their
    first use. Only names that contain a counter change, and those of constants that several nodes
    share; a shared one is named after the first node that uses it.
    """
    graph = model.graph
    _replace(graph.node, _sorted_nodes(graph))
    _replace(graph.initializer, _in_order(graph.initializer, _inputs(graph)))
    _replace(graph.value_info, _in_order(graph.value_info, _outputs(graph)))
    _rename(graph, _new_names(graph))
    return model


def _replace(field: Any, values: list[Any]) -> None:
    """Put ``values``, some of which are elements of ``field``, in its place."""
    kept = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(kept)


def _sorted_nodes(graph: Any) -> list[Any]:
    """Return the nodes that the outputs depend on, each after those whose results it takes."""
    producers = {name: node for node in graph.node for name in node.output}
    found: dict[int, Any] = {}
    waiting = [producers[output.name] for output in reversed(graph.output)]
    while waiting:
        node = waiting[-1]
        before = [producers[name] for name in node.input if name in producers]
        missing = [producer for producer in before if id(producer) not in found]
        if missing:
            waiting += reversed(missing)
        else:
            found.setdefault(id(waiting.pop()), node)
    return list(found.values())


def _inputs(graph: Any) -> Iterator[str]:
    """Yield the names of the tensors that the nodes take, node by node."""
    return itertools.chain.from_iterable(node.input for node in graph.node)


def _outputs(graph: Any) -> Iterator[str]:
    """Yield the names of the tensors that the nodes produce, node by node."""
    return itertools.chain.from_iterable(node.output for node in graph.node)


def _in_order(tensors: Any, names: Iterator[str]) -> list[Any]:
    """Return the ``tensors`` that are among ``names``, sorted as those are."""
    known = {tensor.name: tensor for tensor in tensors}
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _new_names(graph: Any) -> dict[str, str]:
    """Return new names by old ones, of nodes and tensors except inputs and outputs."""
    fixed = {value.name for value in (*graph.input, *graph.output)}
    constants = {tensor.name for tensor in graph.initializer}
    uses = Counter(_inputs(graph))
    shared = {name for name in constants if uses[name] > 1}
    names: dict[str, str] = {}
    numbers = itertools.count(1)
    for node in graph.node:
        for old, base in _named_by(node, constants, shared):
            if old and old not in fixed and old not in names:
                names[old] = _numbered(base, next(numbers)) if old != base else old
    return names


def _named_by(node: Any, constants: set[str], shared: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each name that ``node`` introduces, and the new name without a number."""
    base = NUMBER.sub("", PORT.sub("", node.name))
    for place, name in enumerate(node.input):
        if name in shared:
            yield name, f"{base}_constant_{place}"
        elif name in constants:
            yield name, NUMBER.sub("", name)
    for name in (node.name, *node.output):
        yield name, NUMBER.sub("", name)


def _numbered(base: str, number: int) -> str:
    """Return ``base`` with a number before its port: ``Conv__7:0`` for ``Conv:0`` and 7."""
    port = PORT.search(base)
    end = port.start() if port else len(base)
    return f"{base[:end]}__{number}{base[end:]}"


def _rename(graph: Any, names: dict[str, str]) -> None:
    for node in graph.node:
        node.name = names.get(node.name, node.name)
        for place in (node.input, node.output):
            place[:] = [names.get(name, name) for name in place]
    for tensor in (*graph.initializer, *graph.value_info):
        tensor.name = names.get(tensor.name, tensor.name)
