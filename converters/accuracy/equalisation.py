"""Repairs of the folded graph: the same function in float, less loss in int8.

Equalisation moves a factor s_c of channel c from one convolution to the next (Nagel et al.,
"Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019). All formats
have one scale per kernel channel, so the gain lies in the activations between them: they have one
scale for all channels, and a channel that stays below a tenth of the largest has a tenth of the
steps. So small channels are enlarged until they use the tensor's range.

ReLU6 is no multiple of itself: min(x, 6) / s is not min(x / s, 6). It is one where x and x / s stay
below 6; so channels are only ever enlarged, and never beyond what the tensor's largest reaches. For
faces outside the calibration that is not certain, hence `MARGIN`; the check on other faces decides.

Bias correction takes the mean shift that rounded kernels cause out of the biases (ibid., section
4.2, with the mean measured on faces instead of derived from batch norms).

`choose_repair` selects the repair that lowers the simulated deviation most, if any does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from asmnet_edge.converters.accuracy.fake_quantization import round_kernel, within_channel
from asmnet_edge.converters.accuracy.scores import Score
from asmnet_edge.converters.accuracy.sensitivity import Judge
from asmnet_edge.converters.accuracy.simulation import Simulation
from asmnet_edge.converters.folding import copy_of
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.geometry.landmarks import FloatArray

MARGIN = 1.25  # room for faces whose activations exceed those of the calibration
SMALLEST = 1 / 32  # factor; dead channels would be divided by nothing
CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D)
NO_REPAIR = "none"
# least improvement, as a factor of the deviation without repair: any change of the weights changes
# their rounding, which alone moves the deviation by a tenth, differently in each format
MIN_IMPROVEMENT = 0.8


def equalise(simulation: Simulation) -> keras.Model:
    """Return the folded graph with small channels enlarged between pairs of convolutions."""
    graph = copy_of(simulation.graph)
    largest = simulation.largest
    for first, second in pairs(simulation):
        depthwise = isinstance(graph.get_layer(second), layers.DepthwiseConv2D)
        _move(graph, first, second, factors(largest[first], 1.0 if depthwise else 0.5))
    return graph


def factors(largest: FloatArray, strength: float) -> FloatArray:
    """Return divisors s_c (channels,) in (0, 1] of channels with ``largest`` values (channels,).

    strength : 1 before a depthwise kernel, which has a scale for each channel; 0.5, a balance,
    before a full one, whose input channels share a scale and lose steps of the kernel
    """
    relative = MARGIN * largest / max(float(largest.max()), 1e-12)
    return np.clip(relative**strength, SMALLEST, 1.0).astype(np.float32)


def pairs(simulation: Simulation) -> list[tuple[str, str]]:
    """Names of convolutions with a ReLU, and of the only convolution that takes their result."""
    takers: dict[str, list[str]] = {}
    for operator in simulation.operators.values():
        for taken in operator.takes:
            takers.setdefault(taken, []).append(operator.name)
    return [
        (first, second[0])
        for first, second in takers.items()
        if len(second) == 1 and _can_be_paired(simulation.graph, first, second[0])
    ]


def _can_be_paired(graph: keras.Model, first: str, second: str) -> bool:
    one, other = graph.get_layer(first), graph.get_layer(second)
    followers = [node.operation for node in one._outbound_nodes]
    rectified = len(followers) == 1 and isinstance(followers[0], layers.ReLU)
    # no batch norm that could not be folded may lie between
    rectified = rectified and _goes_straight_into(followers[0], other)
    return rectified and isinstance(one, CONVOLUTIONS) and isinstance(other, CONVOLUTIONS)


def _goes_straight_into(layer: layers.Layer, other: layers.Layer) -> bool:
    """Whether ``other`` is the only consumer of ``layer``, with at most padding between."""
    takers = [node.operation for node in layer._outbound_nodes]
    if len(takers) != 1:
        return False
    padded = isinstance(takers[0], layers.ZeroPadding2D)
    return takers[0] is other or (padded and _goes_straight_into(takers[0], other))


def _move(graph: keras.Model, first: str, second: str, divisors: FloatArray) -> None:
    """Divide the output channels of ``first`` and multiply the input channels of ``second``."""
    one, other = graph.get_layer(first), graph.get_layer(second)
    kernel, bias = one.get_weights()
    depthwise = isinstance(one, layers.DepthwiseConv2D)
    divided = kernel / (divisors[:, None] if depthwise else divisors)
    one.set_weights([divided, bias / divisors])
    taken, *rest = other.get_weights()
    other.set_weights([taken * divisors[:, None], *rest])  # both kinds: (h, w, channels in, ...)


def correct_biases(simulation: Simulation) -> keras.Model:
    """Return the folded graph with biases less the mean shift of results by kernel rounding."""
    graph = copy_of(simulation.graph)
    convolutions = [layer for layer in graph.layers if isinstance(layer, CONVOLUTIONS)]
    shifts = _mean_shifts(graph, convolutions, simulation.pixels)
    for layer in convolutions:
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel, bias - shifts[layer.name]])
    return graph


def _mean_shifts(
    graph: keras.Model, convolutions: list[Any], pixels: FloatArray
) -> dict[str, FloatArray]:
    """Return E[(round(W) - W) x] (channels,) of each layer, with x of the float graph, by name."""
    model = keras.Model(graph.inputs, {y.name: _rounding_error(y)(y.input) for y in convolutions})

    @tf.function  # type: ignore[untyped-decorator]
    def means(picture: Any) -> Any:
        results = model(picture, training=False)
        return {name: tf.reduce_mean(y, range(y.ndim - 1)) for name, y in results.items()}

    found = [means(picture[None]) for picture in pixels]
    return {name: np.mean([one[name].numpy() for one in found], axis=0) for name in found[0]}


def _rounding_error(layer: Any) -> Any:
    """Return a copy of ``layer`` with the rounding error as kernel and without bias."""
    config = {**layer.get_config(), "name": f"{layer.name}_error", "use_bias": False}
    error = layer.__class__.from_config(config)
    error.build(layer.input.shape)
    kernel = layer.get_weights()[0]
    error.set_weights([round_kernel(kernel, within_channel(layer)) - kernel])
    return error


def _both(simulation: Simulation) -> keras.Model:
    return correct_biases(simulation.of(equalise(simulation)))


# name -> function that returns the repaired graph
REPAIRS: Mapping[str, Callable[[Simulation], keras.Model]] = MappingProxyType(
    {"equalisation": equalise, "bias correction": correct_biases, "both": _both}
)


@dataclass(frozen=True)
class Repair:
    """The selected repair.

    scores : of each candidate on ``faces`` faces, by name; graph : repaired; None without repair
    """

    name: str
    scores: Mapping[str, Score]
    faces: int
    graph: keras.Model | None = field(default=None, repr=False)

    def apply(self, graph: InferenceGraph) -> InferenceGraph:
        """Return ``graph`` with the repair, to convert to int8."""
        return replace(graph, repaired=self.graph, repair=self.as_json())

    def as_json(self) -> dict[str, Any]:
        deviations = {name: round(score.deviation, 4) for name, score in self.scores.items()}
        return {"applied": self.name, "chosen_on": self.faces, "deviations": deviations}


def choose_repair(
    simulation: Simulation, faces: AnnotatedCrops, tick: Callable[[], None] = lambda: None
) -> Repair:
    """Return the repair with the smallest simulated deviation on ``faces``, if any helps."""
    graphs: dict[str, keras.Model] = {}
    scores = {NO_REPAIR: _score(simulation, faces)}
    for name, repair in REPAIRS.items():
        graphs[name] = repair(simulation)
        scores[name] = _score(simulation.of(graphs[name]), faces)
        tick()
    best = min(scores, key=lambda name: scores[name].deviation)
    if scores[best].deviation > MIN_IMPROVEMENT * scores[NO_REPAIR].deviation:
        best = NO_REPAIR
    return Repair(best, scores, len(faces), graphs.get(best))


def _score(simulation: Simulation, faces: AnnotatedCrops) -> Score:
    return Judge(simulation, faces).score(simulation.body)
