"""Flattening: a network of any nesting as one flat network of few kinds of layers, equal in value.

Converters need not handle what is removed: networks used as layers, layers used twice (each use
gets a copy), activations within convolutions, separable convolutions (which become a depthwise and
a 1 x 1 one), additions and products written as ``x + 3``, dropout and noise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from asmnet_edge.errors import ModelError

TRAINING_ONLY = (
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.ActivityRegularization,
    layers.Identity,
)
WITH_ACTIVATION = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense)
ADDITION = "_add"  # by which the int8 targets know additions of two results


class Flattener:
    """Calls each operation of a network on tensors of the flat one.

    names : of layers in the flat network, in use already
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def run(self, network: keras.Model, tensors: Any) -> Any:
        """Return the outputs of ``network`` for ``tensors``, in its structure, by new layers."""
        inner = getattr(network, "_functional", None) or network  # a Sequential wraps one
        return inner._run_through_graph(tensors, call_fn=self.call)

    def call(self, operation: Any, *inputs: Any, **options: Any) -> Any:
        """Return the output of ``operation`` for ``inputs``; `ModelError` if it is unsupported."""
        if isinstance(operation, keras.Model):
            return self.run(operation, inputs[0] if len(inputs) == 1 else inputs)
        if isinstance(operation, TRAINING_ONLY):
            return inputs[0]
        if not isinstance(operation, layers.Layer):
            return self._arithmetic(operation, inputs)
        for kind, make in MAKERS.items():
            if isinstance(operation, kind):
                return make(self, operation, inputs[0])
        return self._copy(operation, inputs[0])

    def named(self, name: str) -> str:
        """Return ``name`` as TensorFlow allows it, made unique."""
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
        plain = name = name if re.match(r"[A-Za-z0-9.]", name) else f"layer{name}"
        number = 0
        while name in self.names:
            number += 1
            name = f"{plain}_{number}"
        self.names.add(name)
        return name

    def _copy(self, layer: layers.Layer, inputs: Any, **changes: Any) -> Any:
        name = self.named(changes.pop("name", layer.name))
        config = {**layer.get_config(), **changes, "name": name}
        copy = layer.__class__.from_config(config)
        result = copy(inputs)
        copy.set_weights(layer.get_weights())
        return result

    def _without_activation(self, layer: layers.Layer, inputs: Any) -> Any:
        name = keras.activations.serialize(layer.activation)
        split = self._separated if isinstance(layer, layers.SeparableConv2D) else self._copy
        return self._activated(split(layer, inputs, activation="linear"), name, layer.name)

    def _activation(self, layer: layers.Activation, inputs: Any) -> Any:
        return self._activated(inputs, keras.activations.serialize(layer.activation), layer.name)

    def _activated(self, tensor: Any, activation: str, name: str) -> Any:
        if activation == "linear":
            return tensor
        if activation in ("relu", "relu6"):
            limit = 6.0 if activation == "relu6" else None
            return layers.ReLU(limit, name=self.named(f"{name}_relu"))(tensor)
        return layers.Activation(activation, name=self.named(f"{name}_{activation}"))(tensor)

    def _separated(self, layer: layers.SeparableConv2D, inputs: Any, activation: str) -> Any:
        """Depthwise without bias, then 1 x 1 with it: the definition of a separable convolution."""
        depthwise, pointwise, *bias = layer.get_weights()
        spatial = {key: getattr(layer, key) for key in ("strides", "padding", "dilation_rate")}
        first = layers.DepthwiseConv2D(
            layer.kernel_size,
            depth_multiplier=layer.depth_multiplier,
            use_bias=False,
            name=self.named(f"{layer.name}_depthwise"),
            **spatial,
        )
        second = layers.Conv2D(
            layer.filters, 1, use_bias=bool(bias), name=self.named(f"{layer.name}_pointwise")
        )
        result = second(first(inputs))
        first.set_weights([depthwise])
        second.set_weights([pointwise, *bias])
        return result

    def _addition(self, layer: layers.Add, inputs: Any) -> Any:
        return self._copy(layer, inputs, name=_addition_name(layer.name))

    def _normalised(self, layer: layers.Normalization, inputs: Any) -> Any:
        mean, variance = (np.asarray(v, np.float64).ravel() for v in (layer.mean, layer.variance))
        if layer.invert or len(mean) not in (1, inputs.shape[-1]):
            raise ModelError(
                f"its layer {layer.name} normalises along other axes than the channels",
                "Normalise channels alone: Normalization(axis=-1)",
            )
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        return self._rescaled(inputs, scale, -mean * scale, layer.name)

    def _rescaled(self, tensor: Any, scale: Any, offset: Any, name: str) -> Any:
        scale, offset = (v.tolist() if np.ndim(v) else float(v) for v in (scale, offset))
        return layers.Rescaling(scale, offset, name=self.named(name))(tensor)

    def _arithmetic(self, operation: Any, inputs: Any) -> Any:
        """Operations on tensors, or on a tensor and a number, as layers."""
        kind, (one, other) = type(operation).__name__, inputs
        if not any(isinstance(x, int | float) for x in inputs):
            joined = {"Add": layers.Add, "Subtract": layers.Subtract, "Multiply": layers.Multiply}
            if kind in joined and one.shape == other.shape:
                name = _addition_name(operation.name) if kind == "Add" else operation.name
                return joined[kind](name=self.named(name))([one, other])
        elif isinstance(other, int | float):
            scale, offset = _affine(kind, other)
            return self._rescaled(one, scale, offset, operation.name)
        elif kind in ("Add", "Multiply", "Subtract"):
            scale, offset = {"Subtract": (-1.0, one)}.get(kind) or _affine(kind, one)
            return self._rescaled(other, scale, offset, operation.name)
        raise ModelError(
            f"its operation {operation.name} ({kind}) is not supported",
            "Write it with layers: Add, Multiply, Rescaling",
        )


# the first kind that fits is used
MAKERS: dict[Any, Callable[..., Any]] = {
    WITH_ACTIVATION: Flattener._without_activation,
    layers.Activation: Flattener._activation,
    layers.Add: Flattener._addition,
    layers.Normalization: Flattener._normalised,
}


def _addition_name(name: str) -> str:
    return name if ADDITION in name else f"{name}{ADDITION}"


def _affine(kind: str, number: float) -> tuple[float, float]:
    """x and ``number`` as x * scale + offset."""
    return {
        "Add": (1.0, number),
        "Subtract": (1.0, -number),
        "Multiply": (number, 0.0),
        "TrueDivide": (1 / (number or 1e-30), 0.0),
        "Divide": (1 / (number or 1e-30), 0.0),
    }[kind]
