"""Moving average of a network's weights, which is validated and saved."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import ops

from asmnet_edge.landmarks import FloatArray


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
