"""The trainer: a network with the loss of a run, the average of its weights, and its timetable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.training.config import TrainConfig
from asmnet_edge.training.loss import SCHEDULES, AsmAssistedLoss
from asmnet_edge.training.model_facts import PixelScaling


@dataclass
class AveragedWeights:
    """Exponential moving average of a network's weights, which is validated and saved.

    It is kept on the host. weights : in Keras' order; updates : number so far.

    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", SICON 1992, here
    with exponentially fading weights.
    """

    weights: list[FloatArray]
    updates: int = 0

    @classmethod
    def of(cls, network: keras.Model) -> AveragedWeights:
        """Return an average that starts at the weights of ``network``."""
        return cls([ops.convert_to_numpy(v).copy() for v in network.weights])

    def update(self, network: keras.Model, momentum: float) -> None:
        """Move towards ``network``; the first updates weigh more, to forget the start."""
        self.updates += 1
        momentum = min(momentum, self.updates / (self.updates + 9))
        for average, weight in zip(self.weights, network.weights, strict=True):
            average += (1 - momentum) * (ops.convert_to_numpy(weight) - average)


class Trainer(keras.Model):
    """A network with the loss of a run, for Keras' train step on any backend.

    All inputs of the loss come with the batch, the ASM's weight too: a backend that traces would
    freeze any other value.
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
        """Return the loss of a batch, a scalar; ``y`` : targets of `BatchPlan.make`, asm_weight."""
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


@dataclass(frozen=True)
class Timetable:
    """Steps of a run: their number, and the tasks that are due at each.

    faces : number of training faces of the first data set, which counts the epochs
    """

    config: TrainConfig
    faces: int

    @property
    def steps_per_epoch(self) -> int:
        """Number of whole batches of the training faces, at least 1."""
        return max(1, self.faces // self.config.batch)

    @property
    def total(self) -> int:
        """Number of steps of the whole run."""
        return max(1, round(self.config.epochs * self.steps_per_epoch))

    @property
    def stages(self) -> list[tuple[int, int]]:
        """Resolution in pixels and last step, exclusive, of each stage that has steps."""
        shares = np.cumsum([stage.share for stage in self.config.stages])
        ends = [round(share * self.total) for share in shares]
        starts = [0, *ends[:-1]]
        sizes = [stage.size for stage in self.config.stages]
        return [(n, end) for n, start, end in zip(sizes, starts, ends, strict=True) if end > start]

    @cached_property
    def learning_rate(self) -> keras.optimizers.schedules.LearningRateSchedule:
        """Linear warm-up, then a cosine down to ``final_learning_rate``, by step from 0."""
        config = self.config
        warmup = max(1, round(config.warmup_epochs * self.steps_per_epoch))
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / warmup,
            decay_steps=max(1, self.total - warmup),
            alpha=config.final_learning_rate / config.learning_rate,
            warmup_target=config.learning_rate,
            warmup_steps=warmup,
        )

    def asm_weight(self, step: int) -> float:
        """Return the weight of the plausible face in the loss of ``step``, from 0."""
        return SCHEDULES[self.config.asm_schedule](step / self.total)

    def validates_at(self, step: int) -> bool:
        """Whether a validation follows when ``step`` steps are done."""
        every = max(1, round(self.config.validate_every_epochs * self.steps_per_epoch))
        return step % every == 0 or step == self.total
