"""The crops that activation ranges are measured on. Test pictures never get here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.crop import CropRule
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Dataset, Sample, learnable
from asmnet_edge.data.split import PERCENT, is_validation
from asmnet_edge.errors import DataError

CHECKED = 32  # faces that an artifact is checked on
COUNT = 128  # 256 made no difference on validation faces


@dataclass(frozen=True)
class CalibrationSet:
    """Crops and what to say of them in the manifest.

    crops : (count, s, s, 3) uint8 RGB; source : where they came from
    held_out : crops that artifacts are checked on, from faces that were not calibrated on
    """

    crops: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    source: str

    def as_json(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.crops.tobytes()).hexdigest()
        return {"source": self.source, "count": len(self.crops), "sha256": digest}


def calibrate_on(
    dataset: Dataset, rule: CropRule, count: int = COUNT, validation_percent: float = PERCENT
) -> CalibrationSet:
    """Up to ``count`` faces of the training subset of ``dataset``, evenly spread over its order.

    Faces that validate are left out: ranges chosen on them would flatter validation. The artifacts
    are checked on those, or on the calibration faces of a data set too small to have any.
    """
    samples = learnable(dataset.samples("train"))
    faces = [s for s in samples if not is_validation(s.identity, validation_percent)]
    others = [s for s in samples if is_validation(s.identity, validation_percent)]
    if not faces:
        raise DataError(f"{dataset.name} has no face to calibrate on", "Give one with more faces")
    crops = crops_of(_spread(faces, count), rule)
    held_out = crops_of(_spread(others, CHECKED), rule) if others else crops[:CHECKED]
    return CalibrationSet(crops, held_out, f"{dataset.name} train")


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Up to ``count`` of ``samples``, evenly spread."""
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int)
    return [samples[i] for i in places]
