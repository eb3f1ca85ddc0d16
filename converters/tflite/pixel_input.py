"""Input of int8 TFLite files: uint8 pixels as codes, without scaling in float."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from asmnet_edge.converters.tflite.flatbuffer import constant, kind_of, name_of, read, write

PIXEL_OPS = ("CAST", "SUB", "MUL")
SHIFT = 128  # from an int8 zero point to a uint8 one
CLOSE = 1e-3  # of a step


def remove_pixel_scaling(content: bytes) -> bytes:
    """Replace CAST, SUB, MUL and QUANTIZE of pixels in the int8 file ``content`` by one QUANTIZE.

    The uint8 image gets the scale of the int8 tensor and its zero point plus 128; what is left is
    the subtraction of 128 in integers. If a pixel is no whole step of the int8 tensor, as with an
    offset of 127.5, ``content`` is returned unchanged.
    """
    model = read(content)
    graph, bounds = model.subgraphs[0], pixel_bounds(content)
    count = _leading(model)
    last = graph.operators[count]
    if bounds is None or kind_of(model, last) != "QUANTIZE":
        return content
    steps = graph.tensors[last.outputs[0]].quantization
    if not _one_step_a_pixel(steps, *bounds[1:]):
        return content
    image = graph.tensors[graph.inputs[0]]
    image.quantization = schema.QuantizationParametersT()
    image.quantization.scale = steps.scale
    image.quantization.zeroPoint = [steps.zeroPoint[0] + SHIFT]
    last.inputs = [graph.inputs[0]]
    graph.operators = graph.operators[count:]
    return write(model)


def pixel_bounds(content: bytes) -> tuple[str, float, float] | None:
    """Return name and values for black and white of the scaled pixels in the file ``content``.

    None if the file does not scale pixels, or scales channels differently.
    """
    model = read(content)
    graph, values = model.subgraphs[0], np.array([0.0, 255.0], np.float32)
    count = _leading(model)
    for operator in graph.operators[:count]:
        constants = [constant(model, i) for i in operator.inputs[1:]]
        if any(constant.size != 1 for constant in constants):
            return None
        if kind_of(model, operator) == "SUB":
            values = values - constants[0]
        elif kind_of(model, operator) == "MUL":
            values = values * constants[0]
    if not count:
        return None
    name = name_of(graph.tensors[graph.operators[count - 1].outputs[0]])
    return name, float(values[0]), float(values[1])


def _leading(model: Any) -> int:
    """Number of operators at the start that scale pixels."""
    kinds = [kind_of(model, operator) for operator in model.subgraphs[0].operators]
    return next(i for i, kind in enumerate(kinds) if kind not in PIXEL_OPS)


def _one_step_a_pixel(steps: Any, black: float, white: float) -> bool:
    """Whether pixel 0 is step -128 and pixel 255 step 127."""
    found = np.array([black, white]) / steps.scale[0] + steps.zeroPoint[0]
    return bool(np.abs(found - [-128, 127]).max() < CLOSE)
