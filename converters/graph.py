"""The inference graph: what every target starts from.

Made from the float model once: batch norms folded into the convolutions before them, pixels scaled
and targets restored inside, batch 1, weights as constants.
It takes and gives what the contract says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from asmnet_edge.training.floatmodel import FloatModel
from asmnet_edge.training.network import multiply_adds

OUTPUTS = ("landmarks", "pose")


@dataclass(frozen=True)
class InferenceGraph:
    """The folded, frozen graph of ``model``.

    repaired : folded network to take in its place, whose weights lose less in int8 (see `equalise`)
    repair : which repair that was and what it gained, for the manifest
    """

    model: FloatModel
    repaired: keras.Model | None = None
    repair: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.model.variant.input_size

    @property
    def points(self) -> int:
        return self.model.scheme.points

    @cached_property
    def parameters(self) -> int:
        """Parameters of the float network, batch norm included, as papers count them."""
        return int(self.model.network.count_params())

    @cached_property
    def multiply_adds(self) -> int:
        return multiply_adds(self.model.network)

    def folded(self) -> keras.Model:
        """The network with its batch norms folded, a new one each time."""
        if self.repaired is not None:
            return copy_of(self.repaired)
        return fold_batch_norms(self.model.network)

    @cached_property
    def frozen(self) -> Any:
        """TensorFlow function (1, s, s, 3) uint8 -> landmarks (1, n, 2), pose (1, 3)."""
        network, scaling = self.folded(), self.model.scaling
        scaled = _restoring_heads(network, scaling.shape_scale, scaling.pose_scale)
        mean_shape = tf.constant(scaling.mean_shape[None], tf.float32)
        pose_mean = tf.constant(scaling.pose_mean[None], tf.float32)
        offset, scale = self.model.pixels.offset, self.model.pixels.scale

        def contract(image: tf.Tensor) -> dict[str, tf.Tensor]:
            pixels = (tf.cast(image, tf.float32) - offset) * scale
            outputs = scaled(pixels, training=False)
            offsets = tf.reshape(outputs["landmarks"], (1, self.points, 2))
            return {"landmarks": offsets + mean_shape, "pose": outputs["pose"] + pose_mean}

        function = tf.function(contract, input_signature=[self._image]).get_concrete_function()
        return convert_variables_to_constants_v2(function)

    @property
    def _image(self) -> tf.TensorSpec:
        return tf.TensorSpec((1, self.size, self.size, 3), tf.uint8, name="image")

    def run(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``crop`` (1, s, s, 3) uint8 RGB -> landmarks (n, 2), pose (3,), as a backend does."""
        landmarks, pose = self.frozen(tf.constant(crop))
        return landmarks.numpy()[0], pose.numpy()[0]

    @contextmanager
    def saved_model(self) -> Iterator[str]:
        """Folder with a SavedModel whose one signature names input and outputs as the contract."""
        frozen = self.frozen

        def contract(image: tf.Tensor) -> dict[str, tf.Tensor]:
            return dict(zip(OUTPUTS, frozen(image), strict=True))

        module = tf.Module()
        module.contract = tf.function(contract, input_signature=[self._image])
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=module.contract)
            yield folder

    @cached_property
    def float_tflite(self) -> bytes:
        """The graph as a float32 TFLite file, which the int8 one is made from too."""
        with self.saved_model() as folder:
            content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        return content


def copy_of(network: keras.Model) -> keras.Model:
    """A clone of ``network`` with weights of its own."""
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    return clone


def fold_batch_norms(network: keras.Model) -> keras.Model:
    """``network`` with batch 1 and every batch norm folded into the convolution before it.

    y = g (w x - m) / sqrt(v + e) + b is a convolution with kernel w g / sqrt(v + e) and bias
    b - m g / sqrt(v + e).
    """
    folded = keras.models.clone_model(
        network, clone_function=_with_bias, call_function=_call_unless_norm
    )
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            convolution = layer.input._keras_history.operation
            folded.get_layer(convolution.name).set_weights(_folded_weights(convolution, layer))
        elif isinstance(layer, layers.Dense):
            folded.get_layer(layer.name).set_weights(layer.get_weights())
    return folded


def _with_bias(layer: layers.Layer) -> layers.Layer:
    config = layer.get_config()
    if isinstance(layer, layers.InputLayer):
        return layers.InputLayer(batch_shape=(1, *layer.batch_shape[1:]), name=layer.name)
    if isinstance(layer, layers.BatchNormalization):
        return layers.Identity(name=layer.name)
    if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
        config["use_bias"] = True
    return layer.__class__.from_config(config)


def _call_unless_norm(layer: layers.Layer, *tensors: Any, **options: Any) -> Any:
    return tensors[0] if isinstance(layer, layers.Identity) else layer(*tensors)


def _folded_weights(
    convolution: layers.Layer, norm: layers.BatchNormalization
) -> list[NDArray[np.float32]]:
    gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    kernel = convolution.get_weights()[0]
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    scaled = kernel * (factor[:, None] if depthwise else factor)
    return [scaled.astype(np.float32), (beta - mean * factor).astype(np.float32)]


def _restoring_heads(network: keras.Model, shape_scale: float, pose_scale: Any) -> keras.Model:
    """``network`` with the targets' scales multiplied into its linear heads."""
    for name, scale in (("landmarks", shape_scale), ("pose", np.asarray(pose_scale))):
        head = network.get_layer(name)
        head.set_weights([weights * scale for weights in head.get_weights()])
    return network
