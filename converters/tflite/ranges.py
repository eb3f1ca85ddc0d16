"""Activation ranges of a float TFLite file, measured on calibration crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray

from asmnet_edge.converters.tflite.pixels import pixel_bounds

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
