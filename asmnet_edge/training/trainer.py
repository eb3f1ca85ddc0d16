"""Moving average of a network's weights, which is validated and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.training.loss import AsmAssistedLoss
from asmnet_edge.training.model_facts import PixelScaling


@dataclass
class AveragedWeights:
    """Exponential moving average, on the host.

    weights : in Keras' order; updates : number so far.

    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SICON 1992, here
    with exponentially fading weights.
    """

    weights: list[FloatArray]
    updates: int = 0

    @classmethod
    def of(cls, network: keras.Model) -> AveragedWeights:
        return cls([ops.convert_to_numpy(v).copy() for v in network.weights])

    def update(self, network: keras.Model, momentum: float) -> None:
        """Move towards ``network``; the first updates weigh more, to forget the start."""
        self.updates += 1
        momentum = min(momentum, self.updates / (self.updates + 9))
        for average, weight in zip(self.weights, network.weights, strict=True):
            average += (1 - momentum) * (ops.convert_to_numpy(weight) - average)


# A network with the loss of a run, for Keras' train step on any backend


class Trainer(keras.Model):
    """A network with the loss of the run, whose inputs come with the batch.

    The ASM's weight comes with the batch too: a backend that traces would freeze any other value.
    ``replicas`` : processes whose gradients the backend adds up rather than averages
    """

    pixels = PixelScaling()  # that of every model that is trained here

    def __init__(
        self,
        network: keras.Model,
        assisted: AsmAssistedLoss,
        pose_weight: float,
        replicas: int = 1,
    ) -> None:
        super().__init__()
        self.network = network
        self._assisted = assisted
        self._pose_weight = pose_weight
        self._replicas = replicas

    def call(self, x: Any, training: bool = False) -> Any:
        """``x`` (B, s, s, 3) uint8 RGB."""
        pixels = ops.cast(x, keras.config.floatx())
        scaled = (pixels - self.pixels.offset) * self.pixels.scale
        return self.network(scaled, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        y = keras.tree.map_structure(ops.convert_to_tensor, y)  # PyTorch's step leaves arrays
        predicted = ops.reshape(y_pred["landmarks"], ops.shape(y["landmarks"]))
        face = self._assisted(
            y["shape"], y["frame"], y["landmarks"], predicted, ops.mean(y["asm_weight"])
        )
        pose = ops.mean(ops.square(y["pose"] - y_pred["pose"]))
        return (face + self._pose_weight * pose) / self._replicas

    def compute_metrics(self, *inputs: Any, **named: Any) -> dict[str, Any]:
        """Keras' own, in the shape in which it averages over several of TensorFlow's workers.

        It does so along axis 0, which a scalar does not have (Keras 3.15).
        """
        values = super().compute_metrics(*inputs, **named)
        if self._replicas == 1:
            return values
        return {name: ops.reshape(value, (1,)) for name, value in values.items()}
