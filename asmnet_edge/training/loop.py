"""The training loop: steps, validation, checkpoints, on any Keras backend.

A run is a pure function of its configuration: what step k sees depends on the seed and k alone, and
a checkpoint holds all that a step changes. So a resumed run continues as if nothing had happened.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.shape_model import PointDistributionModel
from asmnet_edge.io.files import make_folder, sweep, write_json
from asmnet_edge.training.batches import Batch, BatchPlan, BatchWorkers, Source
from asmnet_edge.training.config import TrainConfig
from asmnet_edge.training.distribution import Processes
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.loss import AsmAssistedLoss
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.network import build, for_training
from asmnet_edge.training.run_state import (
    State,
    copy_weights,
    identity_of,
    initial_model,
    restore,
    resumable_state,
    save_state,
)
from asmnet_edge.training.trainer import AveragedWeights, Timetable, Trainer
from asmnet_edge.training.training_log import LogEntry, TrainingLog
from asmnet_edge.training.validation import (
    batch_sheet,
    predict_landmarks,
    validation_faces,
    validation_sheet,
)

MOST_WORKERS = 8  # by default
SCALING_STEPS = 64  # batches of drawn targets that the scaling is fitted on


def default_workers() -> int:
    """Number of processes that prepare batches: one core is left for training."""
    return min(MOST_WORKERS, max(1, (os.cpu_count() or 2) - 1))


@dataclass
class Progress:
    """Report after a step.

    loss : of the step; validation : NME in %, None where the step did not validate; best : NME in %
    """

    step: int
    steps: int
    loss: float
    validation: float | None
    best: float


@dataclass
class Run:
    """A training run in ``folder``. `train` yields `Progress`; closing the generator saves.

    packs : (train, validation) for each data set of ``config``; workers : processes that prepare
    batches; licence : of the pictures, and so of the weights; processes : all that train together
    """

    config: TrainConfig
    packs: list[tuple[Pack, Pack]]
    folder: Path
    workers: int = field(default_factory=default_workers)
    licence: str = ""
    tensorboard: bool = False
    processes: Processes = field(default_factory=Processes)

    def __post_init__(self) -> None:
        config, first = self.config, self.packs[0][0]
        self.timetable = Timetable(config, len(first))
        self.total = self.timetable.total
        sources = [
            Source(train, share.first_weight, share.last_weight)
            for (train, _), share in zip(self.packs, config.data, strict=True)
        ]
        self.plan = BatchPlan(
            tuple(sources), config.batch, self.total, config.augmentation, config.seed
        )
        self.origin = initial_model(config, first.scheme)
        self.scaling = self.origin.scaling if self.origin else self._fit_scaling()
        self.shapes = PointDistributionModel.fit(
            first.points, config.shape_variance, "box", first.scheme
        )
        self.step, self.best = 0, float("inf")
        self.damaged: list[Path] = []

    def _fit_scaling(self) -> TargetScaling:
        """Scaling fitted to targets of augmented views; they are independent of the resolution."""
        steps = np.linspace(0, self.total - 1, SCALING_STEPS).astype(int)  # the mixture may change
        drawn = [self.plan.targets(step, 128) for step in steps.tolist()]
        points, pose = (np.concatenate([d[k] for d in drawn]) for k in ("landmarks", "pose"))
        return TargetScaling.fit(points, pose)

    def train(self, resume: bool = False) -> Generator[Progress, None, None]:
        """Train to the end; with ``resume`` from the newest checkpoint in the folder.

        `ModelError` when a checkpoint does not belong to this run, or the loss is not finite.
        """
        keras.utils.set_random_seed(self.config.seed)
        state = None
        if resume:
            state, self.damaged = resumable_state(self.folder, self._identity())
        if state:
            self._restore(state)
        self._check_same_start()
        make_folder(self.folder)
        if self.processes.first:
            sweep(self.folder)
            write_json(self.folder / "config.json", self.config.as_json())
            self.log = TrainingLog(self.folder, self.step, self.tensorboard)
        part = self.processes.part(self.config.batch)
        workers = BatchWorkers(self.plan, self.workers, part)
        try:
            start = 0
            for size, last in self.timetable.stages:
                if last > self.step:
                    yield from self._stage(size, last, state, workers, fresh=self.step == start)
                    state = self._state()
                start = last
        finally:
            workers.close()
            if self.processes.first:
                self.log.close()
        if self.processes.first:
            with self.processes.alone():
                self._float_model().save(self.folder / "last.keras")

    def _check_same_start(self) -> None:
        """Raise `ModelError` unless all processes start at one step: only the first one saves."""
        steps = self.processes.gather(self.step)
        if len(set(steps)) > 1:
            raise ModelError(
                f"the processes start at different steps: {steps}",
                "Give them one and the same --output folder, on a file system that they share",
            )

    def _stage(
        self, size: int, last: int, state: State | None, workers: BatchWorkers, fresh: bool
    ) -> Generator[Progress, None, None]:
        self.size = size
        self.faces = validation_faces(self.packs[0][1], size)
        self._build(state)
        self.consistent = True
        if fresh:  # an average with weights of another resolution would fit neither
            self.average = AveragedWeights.of(self.trainer.network)
        try:
            for step, batch in workers.stream(range(self.step, last), size, self.scaling):
                if fresh and self.processes.first:
                    self._save_batch_preview(batch)
                fresh = False
                yield self._step(step, batch)
        finally:
            # also when the caller stops early, such as by Ctrl-C; but not in the middle of a step
            # or after a loss that is not finite: such a state belongs to no step
            if self.consistent:
                self._save()

    def _build(self, state: State | None) -> None:
        """The trainer at the stage's resolution, with ``state`` in it if there is one."""
        config = self.config
        assisted = AsmAssistedLoss(self.shapes, self.scaling, config.distance)
        with self.processes.scope():
            plain = build(config.variant, self.size, config.precision, config.dropout)
            network = for_training(plain)
            self.trainer = Trainer(network, assisted, config.pose_weight, self.processes.summed)
            optimizer = keras.optimizers.AdamW(self.timetable.learning_rate, config.weight_decay)
            optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
            self.trainer.compile(optimizer=optimizer)
            optimizer.build(network.trainable_variables)
            if self.origin and not state:
                copy_weights(network, self.origin.network)
            if state:
                restore(self.trainer.variables, state.arrays["model"])
                restore(self.trainer.optimizer.variables, state.arrays["optimizer"])

    def _step(self, step: int, batch: Batch) -> Progress:
        self.consistent = False
        pictures, targets = batch
        weight = self.timetable.asm_weight(step)
        targets = {**targets, "asm_weight": np.full(len(pictures), weight, np.float32)}
        loss = float(self.trainer.train_on_batch(pictures, targets))
        if not np.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} at step {step}",
                "Train into another folder with a lower --learning-rate, or check the annotations",
            )
        self.step = step + 1
        if self.step % self.config.ema_every == 0:
            self.average.update(self.trainer.network, self.config.ema)
        value = None
        if self.processes.first:
            with self.processes.alone():
                value = self._validate() if self.timetable.validates_at(self.step) else None
            rate = float(self.timetable.learning_rate(step))
            self.log.write(LogEntry(self.step, self.size, rate, loss, value))
        self.consistent = True
        if self.step % self.config.checkpoint_every_steps == 0:
            self._save()
        return Progress(self.step, self.total, loss, value, self.best)

    def _validate(self) -> float:
        """NME in % of the averaged weights on the validation faces; saves the best model."""
        model = self._float_model()
        predicted = predict_landmarks(model, self.faces)
        self.log.save_preview(self.step, "validation", validation_sheet(self.faces, predicted))
        value = 100 * float(self.faces.nme(predicted).mean())
        if value < self.best and self.size == self.timetable.stages[-1][0]:
            self.best = value
            facts = {**model.provenance, "validation_nme": value, "step": self.step}
            replace(model, provenance=facts).save(self.folder / "best.keras")
        return value

    def _save_batch_preview(self, batch: Batch) -> None:
        """Write the first faces of the stage as the network sees them, for people to check."""
        sheet = batch_sheet(batch, self.scaling, self.faces.scheme)
        self.log.save_preview(self.step, f"batch-{self.size}px", sheet)

    def _float_model(self) -> FloatModel:
        """The averaged weights as a float model at the variant's resolution."""
        config = self.config
        network = build(config.variant)
        network.set_weights(self.average.weights)
        facts: dict[str, Any] = {
            "training": config.as_json(),
            "faces": [len(train) for train, _ in self.packs],
            "licence": self.licence,
        }
        if self.origin:
            facts["started_from"] = {
                "sha256": self.origin.source_sha256,
                **self.origin.provenance,
            }
        rule = CropRule(size=config.variant.input_size)
        scheme = self.packs[0][0].scheme
        return FloatModel(network, config.variant, scheme, rule, self.scaling, facts)

    def _state(self) -> State:
        best = None if np.isinf(self.best) else self.best
        return State(
            self.step,
            {"best": best, "ema_updates": self.average.updates, **self._identity()},
            {
                "model": [ops.convert_to_numpy(v) for v in self.trainer.variables],
                "optimizer": [ops.convert_to_numpy(v) for v in self.trainer.optimizer.variables],
                "ema": [average.copy() for average in self.average.weights],
            },
        )

    def _save(self) -> None:
        if self.processes.first:
            save_state(self.folder, self._state())

    def _identity(self) -> dict[str, Any]:
        names = [name for train, _ in self.packs for name in train.names]
        return identity_of(self.config, names, self.origin)

    def _restore(self, state: State) -> None:
        """Continue where ``state`` was saved; later steps are logged again."""
        self.step = state.step
        self.best = float("inf") if state.facts["best"] is None else state.facts["best"]
        weights = [array.copy() for array in state.arrays["ema"]]
        self.average = AveragedWeights(weights, state.facts["ema_updates"])
