"""Input of int8 ONNX files: uint8 pixels as codes, without scaling in float."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnxruntime import quantization

from asmnet_edge.training.model_facts import PixelScaling

PIXEL_OPS = ("Cast", "Sub", "Mul", "Transpose")


def pixel_override(model: Any, pixels: PixelScaling) -> dict[str, Any]:
    """Return scale and zero point that make a pixel its own code, by name of the scaled tensor.

    {} if the offset of ``pixels`` is no whole pixel value, or the file does not scale pixels.
    """
    last = _chain(model)[-1:]
    if not last or not 0 <= pixels.offset <= 255 or pixels.offset != round(pixels.offset):
        return {}
    exact = {
        "quant_type": quantization.QuantType.QUInt8,
        "scale": np.array(pixels.scale, np.float32),
        "zero_point": np.array(pixels.offset, np.uint8),
    }
    return {last[0].output[0]: [exact]}


def remove_pixel_scaling(model: Any) -> Any:
    """Remove Cast, Sub, Mul and QuantizeLinear of pixels from ``model``: the image is codes."""
    chain = _chain(model)
    ends = [n for n in model.graph.node if n.op_type == "QuantizeLinear"]
    ends = [n for n in ends if chain and n.input[0] == chain[-1].output[0]]
    if len(ends) != 1:
        return model
    moves = [node for node in chain if node.op_type == "Transpose"]
    name = "image"
    for move in moves:
        move.input[0] = name
        name = move.output[0]
    _rename(model, ends[0].output[0], name)
    for node in [n for n in chain if n not in moves] + ends:
        model.graph.node.remove(node)
    del model.graph.value_info[:]  # they hold the float types
    return onnx.shape_inference.infer_shapes(model)  # which the audit counts by


def _chain(model: Any) -> list[Any]:
    """Return the nodes that scale and transpose the pixels, in order."""
    found: list[Any] = []
    name = "image"
    while takers := [n for n in model.graph.node if name in n.input]:
        if len(takers) != 1 or takers[0].op_type not in PIXEL_OPS:
            break
        found.append(takers[0])
        name = takers[0].output[0]
    return found


def _rename(model: Any, old: str, new: str) -> None:
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new
