"""Limits on the loss of accuracy by int8, and the check of artifacts against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asmnet_edge.converters.accuracy.faces import Faces, Score
from asmnet_edge.errors import CheckFailedError, UsageError


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
