"""Simplification of float ONNX models: nodes that other tools refuse become ones that they take.

tf2onnx writes padding as a Pad node where Keras has a layer for it, and the bias of a Gemm as a
matrix of one row where a constant was added to it. ONNX Runtime takes both, pnnx (for ncnn) and
RKNN-Toolkit refuse them. The results stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import helper, numpy_helper

CHANNEL_AXES = 2  # batch and channel, before the two of the image
GEMM_BIAS = 2  # index among the inputs of a Gemm


def simplify(model: Any) -> Any:
    """Fold zero padding into convolutions and biases into vectors in place; return ``model``."""
    _fold_paddings(model.graph)
    _flatten_biases(model.graph)
    return model


def _fold_paddings(graph: Any) -> None:
    """Add the padding of each Pad node to the convolutions that take its result."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        widths = _zero_padding(pad, constants)
        takers = list(_takers(graph, pad.output[0]))
        outputs = {value.name for value in graph.output}
        if widths and pad.output[0] not in outputs and all(map(_takes_padding, takers)):
            for node in takers:
                node.input[0] = pad.input[0]
                _widen(node, widths)
            graph.node.remove(pad)


def _zero_padding(pad: Any, constants: dict[str, Any]) -> list[int] | None:
    """Return top, left, bottom and right of a Pad of an image with zeros; None for others."""
    attributes = _attributes(pad)
    fill = constants.get(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else 0
    widths = constants.get(pad.input[1])
    if attributes.get("mode", b"constant") != b"constant" or len(pad.input) > 3:
        return None
    if widths is None or fill is None or fill != 0 or widths.size != 2 * (CHANNEL_AXES + 2):
        return None
    begin, end = widths.reshape(2, -1).tolist()
    if min(begin + end) < 0 or any(begin[:CHANNEL_AXES] + end[:CHANNEL_AXES]):
        return None
    return [*begin[CHANNEL_AXES:], *end[CHANNEL_AXES:]]


def _takers(graph: Any, name: str) -> Iterator[Any]:
    return (node for node in graph.node if name in node.input)


def _takes_padding(node: Any) -> bool:
    explicit = _attributes(node).get("auto_pad", b"NOTSET") == b"NOTSET"
    return node.op_type == "Conv" and explicit


def _widen(node: Any, widths: list[int]) -> None:
    """Add ``widths`` (top, left, bottom, right) to the padding of the convolution ``node``."""
    before = _attributes(node).get("pads", [0, 0, 0, 0])
    for attribute in [a for a in node.attribute if a.name == "pads"]:
        node.attribute.remove(attribute)
    pads = [one + other for one, other in zip(before, widths, strict=True)]
    node.attribute.append(helper.make_attribute("pads", pads))


def _attributes(node: Any) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _flatten_biases(graph: Any) -> None:
    """Reshape biases (1, n) that Gemm nodes alone take to (n,)."""
    for tensor in graph.initializer:
        takers = list(_takers(graph, tensor.name))
        if takers and len(tensor.dims) == 2 and tensor.dims[0] == 1:
            places = [(node.op_type, list(node.input).index(tensor.name)) for node in takers]
            if set(places) == {("Gemm", GEMM_BIAS)}:
                del tensor.dims[0]
