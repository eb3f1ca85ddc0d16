"""Simulation of int8 in the folded Keras graph, for all formats at once.

An `Operator` is a layer of the graph that runtimes compute in int8. A `Simulation` switches any set
of them to int8 and returns the landmarks and pose that the graph then predicts. So operators are
tested one by one and plans are scored in seconds, without a conversion to each format.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from asmnet_edge.converters.accuracy.fake_quantization import (
    RoundedKernel,
    RoundedTensor,
    add_saturation,
    grid,
)
from asmnet_edge.converters.folding import fold_batch_norms
from asmnet_edge.converters.saturation.convolution import some_of
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.network import layer_multiply_adds

WITH_KERNEL = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)
COMPUTING = (*WITH_KERNEL, layers.Add, layers.GlobalAveragePooling2D, layers.Concatenate)
ACTIVATIONS = (layers.ReLU, layers.Activation)
BATCH = 16
RESULT = "_result"  # suffix of the name of the layer that rounds an operator's result
BLOCK = re.compile(r"^(block_\d+|expanded_conv)_")


Crops = NDArray[np.uint8]


@dataclass(frozen=True)
class Operator:
    """A computing layer of the folded graph.

    kind : class of the layer; block : group in sensitivities and plans
    takes : names of the operators whose results are its inputs
    """

    name: str
    kind: str
    block: str
    takes: tuple[str, ...] = ()


def operator_of(layer: layers.Layer) -> Operator:
    """Describe ``layer``, which is one of `COMPUTING`."""
    takes = tuple(name for tensor in _inputs(layer) for name in _makers(tensor))
    return Operator(layer.name, type(layer).__name__, _block(layer), takes)


def _block(layer: layers.Layer) -> str:
    if isinstance(layer, layers.Dense):
        return "heads"
    if isinstance(layer, layers.GlobalAveragePooling2D | layers.Concatenate):
        return "pooling"
    found = BLOCK.match(layer.name)
    return found[1] if found else str(layer.name)


def _inputs(layer: layers.Layer) -> list[Any]:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _makers(tensor: Any) -> list[str]:
    """Return the names of the operators that produce ``tensor``; none for the image."""
    layer = tensor._keras_history.operation
    if isinstance(layer, layers.InputLayer):
        return []
    if isinstance(layer, COMPUTING):
        return [str(layer.name)]
    return [name for before in _inputs(layer) for name in _makers(before)]


def end_of(layer: layers.Layer) -> layers.Layer:
    """Return the layer after which ``layer`` is rounded: the activation that runtimes fuse."""
    nodes = layer._outbound_nodes
    follower = nodes[0].operation if len(nodes) == 1 else None
    return follower if isinstance(follower, ACTIVATIONS) else layer


@dataclass(frozen=True)
class Simulation:
    """The folded graph of ``model`` with a switch to int8 at each operator.

    calibration : (n, s, s, 3) uint8 crops that ranges are measured on
    folded : graph to simulate instead of that of ``model``, such as one with repaired weights
    measured : smallest and largest value (channels,) of each operator's result, filled by `network`
    """

    model: FloatModel
    calibration: Crops
    folded: keras.Model | None = field(default=None, repr=False)
    measured: dict[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict, repr=False)

    @cached_property
    def graph(self) -> keras.Model:
        return fold_batch_norms(self.model.network) if self.folded is None else self.folded

    def of(self, folded: keras.Model) -> Simulation:
        """Return the simulation of another folded graph of the same model."""
        return Simulation(self.model, self.calibration, folded)

    @cached_property
    def operators(self) -> Mapping[str, Operator]:
        """Operators by name, in the order of computation."""
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
        """Names of the operators that an int8 artifact computes in int8: all but the heads."""
        return frozenset(n for n, operator in self.operators.items() if operator.block != "heads")

    def share_of_multiply_adds(self, names: Collection[str]) -> float:
        """Return the share, 0 to 1, of the operators ``names`` in all multiply-adds."""
        counts = {name: layer_multiply_adds(self.graph.get_layer(name)) for name in self.operators}
        return sum(counts[name] for name in names) / sum(counts.values())

    @cached_property
    def network(self) -> keras.Model:
        """The graph with rounding layers, all switched off, with measured ranges."""
        switched = _with_switches(self.graph)
        self.measured.update(ranges(switched, self.pixels))
        for name, (low, high) in self.measured.items():
            switched.get_layer(name + RESULT).set_range(float(low.min()), float(high.max()))
        add_saturation(switched, self._grids(), some_of(self.pixels))
        return switched

    def _grids(self) -> dict[str, tuple[float, int]]:
        """Scale and zero point of the input of each operator with a single input, by name."""
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
        """The calibration crops (n, s, s, 3), scaled as the network expects them."""
        return self.model.pixels.apply(self.calibration)

    @property
    def largest(self) -> Mapping[str, FloatArray]:
        """Largest result (channels,) of each operator over the calibration crops."""
        assert self.network
        return {name: high for name, (_, high) in self.measured.items()}

    @cached_property
    def _runs(self) -> Mapping[bool, Any]:
        """The traced network by whether it saturates; `outputs` sets the mode before tracing."""
        return {
            saturating: tf.function(lambda pixels: self.network(pixels, training=False))
            for saturating in (False, True)
        }

    def saturates(self, in_int8: Collection[str]) -> bool:
        """Whether some activations could make an operator of ``in_int8`` saturate."""
        return any(r.overflow and r.layer.name in in_int8 for r in self._rounded)

    @property
    def _rounded(self) -> list[RoundedKernel]:
        return [layer for layer in self.network.layers if isinstance(layer, RoundedKernel)]

    def outputs(
        self, crops: Crops, in_int8: Collection[str] = (), saturating: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return landmarks (N, n, 2) and pose (N, 3) of ``crops`` with operators ``in_int8``.

        saturating : compute as x86 without VNNI
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
        """Switch kernels, inputs and results of operators ``in_int8`` to int8, others off."""
        takes = {taken for name in in_int8 for taken in self.operators[name].takes}
        for layer in self.network.layers:
            if isinstance(layer, RoundedKernel):
                layer.on.assign(float(layer.layer.name in in_int8))
            elif isinstance(layer, RoundedTensor):
                layer.on.assign(float(layer.name.removesuffix(RESULT) in takes | set(in_int8)))


def ranges(switched: keras.Model, pixels: FloatArray) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return smallest and largest value (channels,) of each operator's result, by name."""
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
    """Clone ``graph`` with any batch size, its weights, and rounding layers after operators."""
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
