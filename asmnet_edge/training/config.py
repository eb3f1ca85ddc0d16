"""Configuration of a training run: one frozen value, from a file and what a command overrides."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from asmnet_edge.errors import UsageError
from asmnet_edge.training.augmentation import Augmentation
from asmnet_edge.training.loss import DISTANCES, SCHEDULES
from asmnet_edge.training.network import DROPOUT, POSITIONED, Variant


@dataclass(frozen=True)
class DataShare:
    """A data set ("kind:argument") and its share of each batch when training starts and ends."""

    dataset: str
    first_weight: float = 1.0
    last_weight: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.first_weight < math.inf and 0 <= self.last_weight < math.inf):
            raise UsageError(f"the weights of {self.dataset} must not be negative")


@dataclass(frozen=True)
class Stage:
    """Part of a run at one resolution.

    size : side of the crops, pixels; share : of all steps, 0 to 1
    """

    size: int
    share: float

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 32:
            raise UsageError(f"a stage's size must be a multiple of 32, got {self.size}")


PRECISIONS = ("float32", "mixed_bfloat16")

POSITIVE = (
    *("epochs", "batch", "learning_rate", "final_learning_rate", "ema_every"),
    *("validation_percent", "validate_every_epochs", "checkpoint_every_steps"),
)


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a run. The first data set counts the epochs and gives validation faces.

    stages : resolutions in turn, the last one the variant's own; none given: that one throughout
    weights : float model file to start from, maybe of another resolution; "": random weights
    learning_rate : after warm-up, falling by a cosine to ``final_learning_rate``
    shape_variance : share of variance of the ASM's shape model; weight_decay : AdamW's
    dropout : share of the features that are left out; less where the network underfits
    precision : one of `PRECISIONS`; mixed_bfloat16 where the device computes it faster
    ema : momentum per update of the averaged weights, which are updated every ``ema_every`` steps
    """

    data: tuple[DataShare, ...]
    variant: Variant = field(default_factory=Variant)
    stages: tuple[Stage, ...] = ()
    weights: str = ""
    epochs: float = 100
    batch: int = 32
    learning_rate: float = 2e-3
    final_learning_rate: float = 1e-5
    warmup_epochs: float = 3
    weight_decay: float = 1e-3
    distance: str = "absolute"
    asm_schedule: str = "steps"
    shape_variance: float = 0.90
    pose_weight: float = 0.5
    dropout: float = DROPOUT
    augmentation: Augmentation = field(default_factory=Augmentation)
    ema: float = 0.98
    ema_every: int = 8
    validation_percent: float = 7.0
    validate_every_epochs: float = 4
    checkpoint_every_steps: int = 250
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.data:
            raise UsageError("training needs a data set", "Give --data, as in --data 300w:DIR")
        if not self.stages:
            object.__setattr__(self, "stages", (Stage(self.variant.input_size, 1.0),))
        self._check_choices()
        self._check_numbers()
        self._check_stages()

    def _check_choices(self) -> None:
        choices = (
            ("distance", self.distance, DISTANCES),
            ("ASM schedule", self.asm_schedule, SCHEDULES),
            ("precision", self.precision, PRECISIONS),
        )
        for what, value, known in choices:
            if value not in known:
                raise UsageError(f"no {what} {value!r}", f"Known: {', '.join(known)}")
        for moment in ("first_weight", "last_weight"):
            if not any(getattr(share, moment) > 0 for share in self.data):
                raise UsageError(f"every data set has {moment} 0, so no face could be drawn")

    def _check_stages(self) -> None:
        if abs(sum(s.share for s in self.stages) - 1) > 1e-6:
            raise UsageError(f"the stages' shares must sum to 1, got {self.stages}")
        if self.stages[-1].size != self.variant.input_size:
            raise UsageError(
                f"the last stage trains at {self.stages[-1].size} px, "
                f"the variant takes {self.variant.input_size}",
                "Make them the same: weights fit the resolution they were trained at last",
            )
        if self.variant.architecture in POSITIONED and len({s.size for s in self.stages}) > 1:
            raise UsageError(
                f"{self.variant.architecture} has weights for one size only",
                "Give stages of one size, or none",
            )

    def _check_numbers(self) -> None:
        for name in POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("ema", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must lie in [0, 1), got {getattr(self, name)}")
        for name in ("batch", "ema_every", "checkpoint_every_steps", "seed"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise UsageError(f"{name} must be a whole number, got {value}")
        for name in ("warmup_epochs", "weight_decay", "pose_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} must not be negative, got {getattr(self, name)}")

    def as_json(self) -> dict[str, Any]:
        """Return all settings as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TrainConfig:
        """Return a configuration from the result of `as_json`; `UsageError` for unknown keys."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(content) - known):
            raise UsageError(f"unknown settings: {', '.join(unknown)}", f"Known: {sorted(known)}")
        parts: dict[str, Any] = dict(content)
        try:
            parts["data"] = tuple(DataShare(**d) for d in content.get("data", ()))
            if "stages" in content:
                parts["stages"] = tuple(Stage(**s) for s in content["stages"])
            if "variant" in content:
                parts["variant"] = Variant(**content["variant"])
            if "augmentation" in content:
                parts["augmentation"] = Augmentation(**content["augmentation"])
            return cls(**parts)
        except TypeError as error:
            raise UsageError(f"the configuration cannot be read: {error}") from error


OF_VARIANT = ("architecture", "alpha", "input_size")


@dataclass(frozen=True)
class Overrides:
    """Settings that a command gives and that win over those of a file; None or empty: not given.

    data : data sets ("kind:argument") of equal weight; the others as in `TrainConfig` and `Variant`
    """

    data: tuple[str, ...] = ()
    weights: str | None = None
    architecture: str | None = None
    alpha: float | None = None
    input_size: int | None = None
    epochs: float | None = None
    batch: int | None = None
    learning_rate: float | None = None
    distance: str | None = None
    asm_schedule: str | None = None
    precision: str | None = None
    seed: int | None = None

    def over(self, settings: dict[str, Any]) -> TrainConfig:
        """Return the configuration of ``settings``, from `read_config`, with these instead.

        `UsageError` as by `TrainConfig`.
        """
        given = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        variant = {name: given.pop(name) for name in OF_VARIANT if name in given}
        if variant:
            given["variant"] = _merged(settings.get("variant", {}), variant)
        if self.data:
            given["data"] = [{"dataset": words} for words in self.data]
        return TrainConfig.from_json({**settings, **given})


def _merged(table: Any, changes: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise UsageError(f"variant must be a table of settings, got {table!r}")
    return {**table, **changes}


def read_config(path: Path) -> dict[str, Any]:
    """Return the settings of a TOML file, or of a run's ``config.json``, as plain values.

    `UsageError` states the fault of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        parse = json.loads if path.suffix == ".json" else tomllib.loads
        settings: dict[str, Any] = parse(text)
        return settings
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # of either format, or no text at all
        raise UsageError(f"{path} cannot be read as settings: {error}") from error
