"""What eight bits cost, simulated in the folded Keras graph: one place for all formats.

Any set of operators can be switched to eight bits, so that each can be tried alone, and a plan
judged in seconds instead of a conversion for each format.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from asmnet_edge.converters.accuracy.operators import (
    COMPUTING,
    WITH_KERNEL,
    Operator,
    end_of,
    operator_of,
)
from asmnet_edge.converters.accuracy.rounding import RoundedKernel, RoundedTensor, grid
from asmnet_edge.converters.accuracy.saturating import settle
from asmnet_edge.converters.folding import fold_batch_norms
from asmnet_edge.converters.saturation.convolution import some_of
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.training.floatmodel import FloatModel
from asmnet_edge.training.network import layer_multiply_adds

Crops = NDArray[np.uint8]
BATCH = 16
RESULT = "_result"  # added to an operator's name: the tensor that it makes


@dataclass(frozen=True)
class Simulation:
    """The folded graph of ``model`` with a switch at each operator; ``calibration`` sets ranges.

    folded : the graph to simulate where it is not that of ``model`` (repaired weights)
    measured : smallest and largest (channels,) of each operator's result, once ``network`` is made
    """

    model: FloatModel
    calibration: Crops
    folded: keras.Model | None = field(default=None, repr=False)
    measured: dict[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict, repr=False)

    @cached_property
    def graph(self) -> keras.Model:
        return fold_batch_norms(self.model.network) if self.folded is None else self.folded

    def of(self, folded: keras.Model) -> Simulation:
        """The simulation of another folded graph of the same model."""
        return Simulation(self.model, self.calibration, folded)

    @cached_property
    def operators(self) -> Mapping[str, Operator]:
        """By name, in the order of computation."""
        computing = [layer for layer in self.graph.layers if isinstance(layer, COMPUTING)]
        return {layer.name: operator_of(layer) for layer in computing}

    @cached_property
    def blocks(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the operators of each block, in the order of computation."""
        blocks: dict[str, list[str]] = {}
        for operator in self.operators.values():
            blocks.setdefault(operator.block, []).append(operator.name)
        return {block: tuple(names) for block, names in blocks.items()}

    @cached_property
    def body(self) -> frozenset[str]:
        """The operators that an int8 artifact computes in eight bits: all but the heads."""
        return frozenset(n for n, operator in self.operators.items() if operator.block != "heads")

    def share_of_multiply_adds(self, names: Collection[str]) -> float:
        """Of the operators ``names``, 0 to 1."""
        counts = {name: layer_multiply_adds(self.graph.get_layer(name)) for name in self.operators}
        return sum(counts[name] for name in names) / sum(counts.values())

    @cached_property
    def network(self) -> keras.Model:
        """The graph with rounding layers, all switched off, their ranges measured."""
        switched = _with_switches(self.graph)
        self.measured.update(ranges(switched, self.pixels))
        for name, (low, high) in self.measured.items():
            switched.get_layer(name + RESULT).set_range(float(low.min()), float(high.max()))
        settle(switched, self._grids(), some_of(self.pixels))
        return switched

    def _grids(self) -> dict[str, tuple[float, int]]:
        """Scale and zero point of what each operator takes, where one result or the image is it."""
        pixels, grids = self.model.pixels, {}
        for operator in self.operators.values():
            if not operator.takes:
                grids[operator.name] = pixels.scale, round(pixels.offset)
            elif len(operator.takes) == 1:
                low, high = self.measured[operator.takes[0]]
                grids[operator.name] = grid(float(low.min()), float(high.max()))
        return grids

    @property
    def pixels(self) -> FloatArray:
        """The calibration crops as the network takes them."""
        return self.model.pixels.apply(self.calibration)

    @property
    def largest(self) -> Mapping[str, FloatArray]:
        """Largest result (channels,) of each operator over the calibration crops."""
        assert self.network
        return {name: high for name, (_, high) in self.measured.items()}

    @cached_property
    def _runs(self) -> Mapping[bool, Any]:
        """The network in exact and in saturating arithmetic, each traced as `outputs` sets it."""
        return {
            saturating: tf.function(lambda pixels: self.network(pixels, training=False))
            for saturating in (False, True)
        }

    def saturates(self, in_int8: Collection[str]) -> bool:
        """Whether any activations could make one of the operators ``in_int8`` saturate."""
        return any(r.overflow and r.layer.name in in_int8 for r in self._rounded)

    @property
    def _rounded(self) -> list[RoundedKernel]:
        return [layer for layer in self.network.layers if isinstance(layer, RoundedKernel)]

    def outputs(
        self, crops: Crops, in_int8: Collection[str] = (), saturating: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Landmarks (N, n, 2) and pose (N, 3) of ``crops`` with operators ``in_int8``.

        saturating : as x86 without VNNI computes them
        """
        self.switch(in_int8)
        for rounded in self._rounded:
            rounded.saturating = saturating
        pixels = self.model.pixels.apply(crops)
        run = self._runs[saturating]
        parts = [run(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]
        landmarks, pose = (
            np.concatenate([part[name].numpy() for part in parts]) for name in ("landmarks", "pose")
        )
        return self.model.scaling.restore(landmarks, pose)

    def switch(self, in_int8: Collection[str]) -> None:
        """Switch to eight bits: kernels of ``in_int8``, and what they take and give."""
        takes = {taken for name in in_int8 for taken in self.operators[name].takes}
        for layer in self.network.layers:
            if isinstance(layer, RoundedKernel):
                layer.on.assign(float(layer.layer.name in in_int8))
            elif isinstance(layer, RoundedTensor):
                layer.on.assign(float(layer.name.removesuffix(RESULT) in takes | set(in_int8)))


def ranges(switched: keras.Model, pixels: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Smallest and largest value (channels,) of each operator's result in ``switched``, by name."""
    rounded = [layer for layer in switched.layers if isinstance(layer, RoundedTensor)]
    tensors = {layer.name.removesuffix(RESULT): layer.output for layer in rounded}
    watched = keras.Model(switched.inputs, tensors)

    @tf.function  # type: ignore[untyped-decorator]
    def extremes(batch: Any) -> Any:
        results = watched(batch, training=False)
        return {
            name: (tf.reduce_min(y, range(y.ndim - 1)), tf.reduce_max(y, range(y.ndim - 1)))
            for name, y in results.items()
        }

    batches = [extremes(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]
    return {
        name: (
            np.min([batch[name][0].numpy() for batch in batches], axis=0),
            np.max([batch[name][1].numpy() for batch in batches], axis=0),
        )
        for name in tensors
    }


def _with_switches(graph: keras.Model) -> keras.Model:
    """A clone of ``graph``, batch free, with its weights, and rounding layers after operators."""
    ends = {
        end_of(layer).name: layer.name for layer in graph.layers if isinstance(layer, COMPUTING)
    }

    def call(layer: layers.Layer, *inputs: Any, **options: Any) -> Any:
        name = layer.name
        layer = RoundedKernel(layer) if isinstance(layer, WITH_KERNEL) else layer
        result = layer(*inputs, **options)
        return RoundedTensor(name=ends[name] + RESULT)(result) if name in ends else result

    clone = keras.models.clone_model(graph, clone_function=_freed, call_function=call)
    for layer in clone.layers:
        if isinstance(layer, RoundedKernel):
            layer.layer.set_weights(graph.get_layer(layer.layer.name).get_weights())
        elif layer.weights and not isinstance(layer, RoundedTensor):  # norms that stayed, PReLU
            layer.set_weights(graph.get_layer(layer.name).get_weights())
    return clone


def _freed(layer: layers.Layer) -> layers.Layer:
    if isinstance(layer, layers.InputLayer):
        return layers.InputLayer(shape=layer.batch_shape[1:], name=layer.name)
    return layer.__class__.from_config(layer.get_config())
