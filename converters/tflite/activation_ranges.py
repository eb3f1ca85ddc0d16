"""Input of int8 TFLite files: uint8 pixels as codes, without scaling in float."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray

PIXEL_OPS = ("CAST", "SUB", "MUL")
SHIFT = 128  # from an int8 zero point to a uint8 one
CLOSE = 1e-3  # of a step


def remove_pixel_scaling(content: bytes) -> bytes:
    """Replace CAST, SUB, MUL and QUANTIZE of pixels in the int8 file ``content`` by one QUANTIZE.

    The uint8 image gets the scale of the int8 tensor and its zero point plus 128; what is left is
    the subtraction of 128 in integers. ``content`` is returned as it is if a
    pixel is no whole step of the int8 tensor, as with an offset of 127.5.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph, bounds = model.subgraphs[0], pixel_bounds(content)
    count = _leading(model)
    if bounds is None or _kind(model, count) != "QUANTIZE":
        return content
    last = graph.operators[count]
    steps = graph.tensors[last.outputs[0]].quantization
    if not _one_step_a_pixel(steps, *bounds[1:]):
        return content
    image = graph.tensors[graph.inputs[0]]
    image.quantization = schema.QuantizationParametersT()
    image.quantization.scale = steps.scale
    image.quantization.zeroPoint = [steps.zeroPoint[0] + SHIFT]
    last.inputs = [graph.inputs[0]]
    graph.operators = graph.operators[count:]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def pixel_bounds(content: bytes) -> tuple[str, float, float] | None:
    """Return name and values for black and white of the scaled pixels in the file ``content``.

    None if the file does not scale pixels, or scales channels differently.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    graph, values = model.subgraphs[0], np.array([0.0, 255.0], np.float32)
    count = _leading(model)
    for operator in graph.operators[:count]:
        constants = [_constant(model, i) for i in operator.inputs[1:]]
        if any(constant.size != 1 for constant in constants):
            return None
        if _is(model, operator, "SUB"):
            values = values - constants[0]
        elif _is(model, operator, "MUL"):
            values = values * constants[0]
    if not count:
        return None
    name = bytes(graph.tensors[graph.operators[count - 1].outputs[0]].name).decode()
    return name, float(values[0]), float(values[1])


def _leading(model: Any) -> int:
    """Number of operators at the start that scale pixels."""
    kinds = [_kind(model, i) for i in range(len(model.subgraphs[0].operators))]
    return next(i for i, kind in enumerate(kinds) if kind not in PIXEL_OPS)


def _kind(model: Any, place: int) -> str:
    operator = model.subgraphs[0].operators[place]
    return str(flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex))


def _is(model: Any, operator: Any, kind: str) -> bool:
    return bool(flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) == kind)


def _constant(model: Any, tensor: int) -> Any:
    data = model.buffers[model.subgraphs[0].tensors[tensor].buffer].data
    return np.frombuffer(b"" if data is None else bytes(data), np.float32)


def _one_step_a_pixel(steps: Any, black: float, white: float) -> bool:
    """Whether pixel 0 is step -128 and pixel 255 step 127."""
    found = np.array([black, white]) / steps.scale[0] + steps.zeroPoint[0]
    return bool(np.abs(found - [-128, 127]).max() < CLOSE)


# Activation ranges of a float TFLite file, measured on calibration crops

Crops = NDArray[np.uint8]
Measured = dict[str, dict[str, Any]]
# (float file, crops, result of the quantizer on one crop) -> "min" and "max" of each tensor
Ranges = Callable[[bytes, Crops, Measured], Measured]
MARGIN = 0.05  # beyond each edge, relative to the crop's side


def extremes(content: bytes, crops: Crops, seed: Measured) -> Measured:
    """Return minimum and maximum over all crops; of pixels, the values of black and white.

    The quantizer's moving average of both would cut the extremes off.
    """
    return _measured(content, crops, seed, lambda values: (values.min(), values.max()))


def percentiles(content: bytes, crops: Crops, seed: Measured, share: float = 99.99) -> Measured:
    """Return `extremes` of the middle ``share`` per cent of each crop's values."""
    tails = [(100 - share) / 2, (100 + share) / 2]
    return _measured(content, crops, seed, lambda values: np.percentile(values, tails))


def with_margin(content: bytes, ranges: Measured) -> Measured:
    """Widen the range of the landmarks in ``ranges`` to the whole crop and `MARGIN` beyond.

    The extremes over a few faces would cut off landmarks of faces that reach further out.
    """
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(content)).subgraphs[0]
    outputs = [i for i in graph.outputs if len(graph.tensors[i].shape) == 3]
    sources = [o.inputs[0] for o in graph.operators if o.outputs[0] in outputs]  # the RESHAPE's
    found = dict(ranges)
    for index in (*outputs, *sources):
        name = bytes(graph.tensors[index].name).decode()
        low, high = float(np.min(ranges[name]["min"])), float(np.max(ranges[name]["max"]))
        found[name] = _as_bounds(ranges[name], (min(low, -MARGIN), max(high, 1 + MARGIN)))
    return found


def averages(content: bytes, crops: Crops, seed: Measured, weight: float = 0.95) -> Measured:
    """Return moving averages of each crop's minimum and maximum, as the quantizer does."""
    found = {name: dict(bounds) for name, bounds in seed.items()}
    for name, low, high in _read(content, crops, seed, lambda v: (v.min(), v.max())):
        for key, value in (("min", low), ("max", high)):
            found[name][key] = weight * found[name][key] + (1 - weight) * value
    return found


def _measured(content: bytes, crops: Crops, seed: Measured, bounds: Any) -> Measured:
    seen: dict[str, tuple[float, float]] = {}
    for name, low, high in _read(content, crops, seed, bounds):
        before = seen.get(name, (np.inf, -np.inf))
        seen[name] = (min(before[0], low), max(before[1], high))
    if (pixels := pixel_bounds(content)) and pixels[0] in seen:
        seen[pixels[0]] = pixels[1:]
    return {name: _as_bounds(found, seen.get(name)) for name, found in seed.items()}


def _as_bounds(found: Mapping[str, Any], seen: tuple[float, float] | None) -> dict[str, Any]:
    """Return ``seen`` in the shape that the quantizer expects; ``found`` without one."""
    if seen is None:
        return dict(found)
    like = np.asarray(found["min"])
    low, high = (np.full_like(like, bound) for bound in seen)
    return {**found, "min": low, "max": high}


def _read(content: bytes, crops: Crops, seed: Measured, bounds: Any) -> Any:
    """Yield name and bounds of each operator's result, crop by crop."""
    interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    results = {name: i for name, i in _results(content).items() if name in seed}
    for crop in crops:
        interpreter.set_tensor(place, crop[None])
        interpreter.invoke()
        for name, index in results.items():
            low, high = bounds(interpreter.get_tensor(index))
            yield name, float(low), float(high)


def _results(content: bytes) -> dict[str, int]:
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(content)).subgraphs[0]
    indices = [operator.outputs[0] for operator in graph.operators]
    return {bytes(graph.tensors[i].name).decode(): int(i) for i in indices}
