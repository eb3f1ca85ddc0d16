"""The inference graph, which all formats are converted from.

It is derived from the float model: batch norms folded into convolutions, pixels scaled and targets
restored inside, batch size 1, weights as constants. Inputs and outputs are those of the contract.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
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

from asmnet_edge.converters.checks.patterns import patterns
from asmnet_edge.converters.folding import copy_of, fold_batch_norms
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.network import multiply_adds

OUTPUTS = ("landmarks", "pose")
TOLERANCE = 1e-3  # of the largest value: change of an output that folding may cause


@dataclass(frozen=True)
class InferenceGraph:
    """The folded, frozen graph of ``model``.

    repaired : folded network to use instead, whose weights lose less in int8; see `equalise`
    repair : name and scores of the repair, for the manifest
    """

    model: FloatModel
    repaired: keras.Model | None = None
    repair: Mapping[str, Any] = field(default_factory=dict)
    _results: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return the cached result of ``make`` under ``name``; call it if there is none yet.

        All precisions of a format start from one float model, which is converted once.
        """
        if name not in self._results:
            self._results[name] = make()
        return self._results[name]

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
        """Return a new network with batch norms folded."""
        if self.repaired is not None:
            return copy_of(self.repaired)
        return fold_batch_norms(self.model.network)

    @cached_property
    def frozen(self) -> Any:
        """TensorFlow function (1, s, s, 3) uint8 -> landmarks (1, n, 2), pose (1, 3).

        `CheckFailedError` if its results are not those of the float model.
        """
        function = self._frozen()
        if self.repaired is None:
            _check_same(function, self.model, patterns(self.size)[:1])
        return function

    def _frozen(self) -> Any:
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
        """Run on ``crop`` (1, s, s, 3) uint8 RGB; return landmarks (n, 2) and pose (3,)."""
        landmarks, pose = self.frozen(tf.constant(crop))
        return landmarks.numpy()[0], pose.numpy()[0]

    @contextmanager
    def saved_model(self) -> Iterator[str]:
        """Write a SavedModel with the contract's signature to a temporary folder; yield that."""
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
        """The graph as a float32 TFLite file, which int8 files are quantised from."""
        with self.saved_model() as folder:
            content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
        return content


def _check_same(function: Any, model: FloatModel, crop: NDArray[np.uint8]) -> None:
    """Raise `CheckFailedError` unless both have the same results for ``crop`` (1, s, s, 3)."""
    found = [tensor.numpy() for tensor in function(tf.constant(crop))]
    for name, ours, theirs in zip(OUTPUTS, found, model.predict(crop), strict=True):
        if not np.isfinite(ours).all():
            raise CheckFailedError(f"the float model's {name} are not finite")
        off, most = np.abs(ours - theirs).max(), TOLERANCE * max(1.0, np.abs(theirs).max())
        if off > most:
            raise CheckFailedError(
                f"the inference graph's {name} are off by {off:.2g} from the float model's",
                "This is a fault of asmnet-edge: please report it with the network",
            )


def _restoring_heads(network: keras.Model, shape_scale: float, pose_scale: Any) -> keras.Model:
    """Multiply the targets' scales into the heads of ``network``.

    They go into the weights of a linear head without other consumers, else into a layer after it.
    """
    outputs = {}
    for name, scale in (("landmarks", shape_scale), ("pose", np.asarray(pose_scale))):
        tensor = network.output[name]
        head = tensor._keras_history.operation
        linear = isinstance(head, layers.Dense) and head.activation is keras.activations.linear
        if linear and not head._outbound_nodes:
            head.set_weights([weights * scale for weights in head.get_weights()])
        elif np.any(scale != 1):
            scales = np.broadcast_to(scale, tensor.shape[-1:]).tolist()
            tensor = layers.Rescaling(scales, name=f"{name}_scale")(tensor)
        outputs[name] = tensor
    return keras.Model(network.inputs, outputs, name=network.name)
