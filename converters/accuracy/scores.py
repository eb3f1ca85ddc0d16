"""Scores of conversions, the faces to score them on, and limits of the scores.

Selecting the best conversion biases its score. So the faces held out of training and calibration
are split in two by identity: one half to select on, one half to verify on.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asmnet_edge.converters.calibration.leakage import UNLABELLED
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops, crops_of, relative_landmarks
from asmnet_edge.datasets.sample import Dataset, OnBroken, Sample, learnable, refuse
from asmnet_edge.datasets.splits import PERCENT, is_validation
from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.metrics import bootstrap_interval, deviation
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


def score(faces: AnnotatedCrops, landmarks: FloatArray, reference: FloatArray) -> Score:
    """Score ``landmarks`` (N, n, 2) on ``faces`` against the float model's ``reference``."""
    far = 100 * float(deviation(landmarks, reference, faces.scheme).mean())
    if faces.landmarks is None:
        return Score(far)
    drops = 100 * (faces.nme(landmarks) - faces.nme(reference))
    return Score(far, float(drops.mean()), bootstrap_interval(drops))


def annotated_crops(samples: Sequence[Sample], rule: CropRule) -> AnnotatedCrops:
    """Return crops of ``samples`` by ``rule`` with their landmarks, without pose."""
    scheme = samples[0].landmarks.scheme
    return AnnotatedCrops(crops_of(samples, rule), scheme, relative_landmarks(samples, rule))


def faces_to_judge(
    dataset: Dataset,
    rule: CropRule,
    scheme: LandmarkScheme,
    count: int = 128,
    percent: float = PERCENT,
    on_broken: OnBroken = refuse,
) -> tuple[AnnotatedCrops, AnnotatedCrops]:
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
    first, second = (annotated_crops(half[:count], rule) for half in (choosing, verifying))
    if labelled:
        return first, second
    return AnnotatedCrops(first.crops, scheme), AnnotatedCrops(second.crops, scheme)


def _is_to_select_on(sample: Sample) -> bool:
    return zlib.crc32((SALT + sample.identity).encode()) % 2 == 0


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

    def check_faces(self, faces: AnnotatedCrops) -> None:
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
                "It is kept; raise the limit, or fine-tune the float model",
            )
