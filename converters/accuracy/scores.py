"""Faces to score conversions on: neither calibration nor test faces.

Selecting the best conversion biases its score. So the faces held out of training are split in two
by identity: one half to select on, one half to verify on.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.calibration.leakage import UNLABELLED
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.sample import Dataset, OnBroken, Sample, learnable, refuse
from asmnet_edge.datasets.splits import PERCENT, is_validation
from asmnet_edge.errors import CheckFailedError, DataError, UsageError
from asmnet_edge.geometry.crop import CropRule, to_relative, transform
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.metrics import bootstrap_interval, deviation, nme
from asmnet_edge.geometry.schemes import LandmarkScheme

FEWEST = 4  # to select or to verify on
SALT = "choose or verify: "  # of the hash that splits identities


@dataclass(frozen=True)
class Score:
    """Loss of accuracy by a conversion.

    deviation : mean distance to the float model's landmarks, in % of the inter-ocular distance
    nme_drop : mean NME minus the float model's, in %; None without annotations
    interval : 95 % bootstrap interval of the drop
    """

    deviation: float
    nme_drop: float | None = None
    interval: tuple[float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        content: dict[str, Any] = {"deviation": round(self.deviation, 4)}
        if self.nme_drop is not None and self.interval is not None:
            content["nme_drop"] = round(self.nme_drop, 4)
            content["nme_drop_interval"] = [round(end, 4) for end in self.interval]
        return content


def worse(one: Score, other: Score) -> Score:
    """Return the larger deviation and the larger drop of two scores on the same faces."""
    first, second = (s.nme_drop if s.nme_drop is not None else -math.inf for s in (one, other))
    drop = one if first >= second else other
    return replace(drop, deviation=max(one.deviation, other.deviation))


@dataclass(frozen=True)
class Faces:
    """Annotated crops to score on.

    crops : (N, s, s, 3) uint8 RGB
    landmarks : (N, n, 2) relative to the crops; None for faces without annotations of ``scheme``
    """

    crops: NDArray[np.uint8]
    scheme: LandmarkScheme
    landmarks: FloatArray | None = None

    def __post_init__(self) -> None:
        expected = (len(self.crops), self.scheme.points, 2)
        if self.landmarks is not None and self.landmarks.shape != expected:
            raise DataError(f"landmarks must be {expected}, got {self.landmarks.shape}")

    def __len__(self) -> int:
        return len(self.crops)

    def score(self, landmarks: FloatArray, reference: FloatArray) -> Score:
        """Score ``landmarks`` (N, n, 2) against the float model's ``reference`` on these faces."""
        far = 100 * float(deviation(landmarks, reference, self.scheme).mean())
        if self.landmarks is None:
            return Score(far)
        ours, theirs = (nme(x, self.landmarks, self.scheme) for x in (landmarks, reference))
        drops = 100 * (ours - theirs)
        return Score(far, float(drops.mean()), bootstrap_interval(drops))


def faces_to_judge(
    dataset: Dataset,
    rule: CropRule,
    scheme: LandmarkScheme,
    count: int = 128,
    percent: float = PERCENT,
    on_broken: OnBroken = refuse,
) -> tuple[Faces, Faces]:
    """Return up to ``count`` training faces to select on and as many to verify on.

    They are the validation faces, ``percent`` of the identities. Landmarks of another scheme than
    the model's ``scheme`` are dropped: such faces give a deviation, but no NME drop. `UsageError`
    if there are too few.
    """
    samples = learnable(dataset.samples("train", on_broken))
    held_out = [sample for sample in samples if is_validation(sample.identity, percent)]
    halves = ([s for s in held_out if _is_to_select_on(s) is half] for half in (True, False))
    choosing, verifying = halves
    if min(len(choosing), len(verifying)) < FEWEST:
        raise UsageError(
            f"{dataset.name} has {len(choosing)} faces to choose on and {len(verifying)} to verify "
            f"on that nothing was trained or calibrated on; at least {FEWEST} of each are needed",
            "Give a data set with more faces",
        )
    labelled = dataset.scheme is scheme and dataset.name != UNLABELLED
    first, second = (_faces(x[:count], rule, scheme, labelled) for x in (choosing, verifying))
    return first, second


def _is_to_select_on(sample: Sample) -> bool:
    return zlib.crc32((SALT + sample.identity).encode()) % 2 == 0


def _faces(
    samples: Sequence[Sample], rule: CropRule, scheme: LandmarkScheme, labelled: bool
) -> Faces:
    return Faces(crops_of(samples, rule), scheme, _relative(samples, rule) if labelled else None)


def _relative(samples: Sequence[Sample], rule: CropRule) -> FloatArray:
    marks = [sample.landmarks for sample in samples]
    return np.stack([to_relative(transform(m.points, rule.matrix(m)), rule.size) for m in marks])


# Limits on the loss of accuracy by int8, and the check of artifacts against them


@dataclass(frozen=True)
class Goal:
    """Limits of NME drop and of deviation, which needs no annotations; both in %."""

    max_nme_drop: float | None = None
    max_deviation: float | None = None

    def __post_init__(self) -> None:
        given = [x for x in (self.max_nme_drop, self.max_deviation) if x is not None]
        if not given:
            raise UsageError("a plan needs a goal", "Give --max-nme-drop or --max-deviation")
        if min(given) < 0:
            raise UsageError(f"a goal must not be negative, got {min(given)}")

    def check_faces(self, faces: Faces) -> None:
        """Raise `UsageError` if ``faces`` lack the landmarks that an NME drop needs."""
        if self.max_nme_drop is not None and faces.landmarks is None:
            raise UsageError(
                "an NME drop needs landmarks of the model's scheme, and these faces have none",
                "Give --max-deviation instead",
            )

    def missed_by(self, score: Score, room: float = 1.0) -> dict[str, float]:
        """Return the excess of ``score`` over the limits that it exceeds, in %, by name.

        room : factor of the limits; below 1 is stricter
        """
        limits = {
            "nme_drop": (self.max_nme_drop, score.nme_drop),
            "deviation": (self.max_deviation, score.deviation),
        }
        return {
            name: value - limit * room
            for name, (limit, value) in limits.items()
            if limit is not None and value is not None and value > limit * room
        }

    def as_json(self) -> dict[str, float]:
        limits = {"max_nme_drop": self.max_nme_drop, "max_deviation": self.max_deviation}
        return {name: limit for name, limit in limits.items() if limit is not None}


def check(goal: Goal, scores: Mapping[str, Score], faces: int) -> None:
    """Raise `CheckFailedError` unless the ``scores`` of all artifacts meet the goal."""
    for name, score in scores.items():
        for what, excess in goal.missed_by(score).items():
            raise CheckFailedError(
                f"{name} misses the goal on {faces} faces that nothing was chosen on: its "
                f"{what.replace('_', ' ')} is {excess:.3f} % above the limit",
                "It is kept; allow more, or fine-tune the float model",
            )
