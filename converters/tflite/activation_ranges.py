"""Activation ranges of a float TFLite file, measured on calibration crops.

They replace the quantizer's own ranges, which are moving averages of each crop's extremes and so
cut the extremes off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from asmnet_edge.converters.tflite.flatbuffer import name_of, read
from asmnet_edge.converters.tflite.pixel_input import pixel_bounds

Crops = NDArray[np.uint8]
Ranges = dict[str, dict[str, Any]]  # name of a tensor -> its "min" and "max", and more
# (float file, crops, the quantizer's ranges of one crop) -> ranges of the same tensors
RangeEstimator = Callable[[bytes, Crops, Ranges], Ranges]
Bounds = Callable[[NDArray[np.float32]], Any]  # values of a tensor -> lower and upper bound
MARGIN = 0.05  # beyond each edge, relative to the crop's side


def extremes(content: bytes, crops: Crops, seed: Ranges) -> Ranges:
    """Return minimum and maximum over all crops; of pixels, the values of black and white."""
    return _measured(content, crops, seed, lambda values: (values.min(), values.max()))


def percentiles(content: bytes, crops: Crops, seed: Ranges, share: float = 99.99) -> Ranges:
    """Return `extremes` of the middle ``share`` per cent of each crop's values."""
    tails = [(100 - share) / 2, (100 + share) / 2]
    return _measured(content, crops, seed, lambda values: np.percentile(values, tails))


def with_margin(content: bytes, ranges: Ranges) -> Ranges:
    """Widen the range of the landmarks in ``ranges`` to the whole crop and `MARGIN` beyond.

    The extremes over a few faces would cut off landmarks of faces that reach further out.
    """
    graph = read(content).subgraphs[0]
    outputs = [i for i in graph.outputs if len(graph.tensors[i].shape) == 3]
    sources = [o.inputs[0] for o in graph.operators if o.outputs[0] in outputs]  # the RESHAPE's
    found = dict(ranges)
    for index in (*outputs, *sources):
        name = name_of(graph.tensors[index])
        low, high = float(np.min(ranges[name]["min"])), float(np.max(ranges[name]["max"]))
        found[name] = _as_bounds(ranges[name], (min(low, -MARGIN), max(high, 1 + MARGIN)))
    return found


def averages(content: bytes, crops: Crops, seed: Ranges, weight: float = 0.95) -> Ranges:
    """Return moving averages of each crop's minimum and maximum, as the quantizer does."""
    found = {name: dict(bounds) for name, bounds in seed.items()}
    for name, low, high in _read(content, crops, seed, lambda v: (v.min(), v.max())):
        for key, value in (("min", low), ("max", high)):
            found[name][key] = weight * found[name][key] + (1 - weight) * value
    return found


def _measured(content: bytes, crops: Crops, seed: Ranges, bounds: Bounds) -> Ranges:
    seen: dict[str, tuple[float, float]] = {}
    for name, low, high in _read(content, crops, seed, bounds):
        before = seen.get(name, (np.inf, -np.inf))
        seen[name] = (min(before[0], low), max(before[1], high))
    if (pixels := pixel_bounds(content)) and pixels[0] in seen:
        seen[pixels[0]] = pixels[1:]
    return {name: _as_bounds(found, seen.get(name)) for name, found in seed.items()}


def _as_bounds(found: Mapping[str, Any], seen: tuple[float, float] | None) -> dict[str, Any]:
    """Return the bounds ``seen`` in the arrays that the quantizer expects; None: ``found``."""
    if seen is None:
        return dict(found)
    like = np.asarray(found["min"])
    low, high = (np.full_like(like, bound) for bound in seen)
    return {**found, "min": low, "max": high}


def _read(
    content: bytes, crops: Crops, seed: Ranges, bounds: Bounds
) -> Iterator[tuple[str, float, float]]:
    """Yield name, lower and upper bound of each operator's result, crop by crop."""
    interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]["index"]
    results = {name: i for name, i in _results(content).items() if name in seed}
    for crop in crops:
        interpreter.set_tensor(image, crop[None])
        interpreter.invoke()
        for name, index in results.items():
            low, high = bounds(interpreter.get_tensor(index))
            yield name, float(low), float(high)


def _results(content: bytes) -> dict[str, int]:
    """Return the index of each operator's result by its name."""
    graph = read(content).subgraphs[0]
    indices = [operator.outputs[0] for operator in graph.operators]
    return {name_of(graph.tensors[i]): int(i) for i in indices}
