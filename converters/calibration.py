"""The crops that activation ranges are measured on. Test pictures never get here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.crop import CropRule
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Dataset
from asmnet_edge.data.split import is_validation
from asmnet_edge.errors import DataError

COUNT = 128  # 256 made no difference on validation faces


@dataclass(frozen=True)
class CalibrationSet:
    """Crops and what to say of them in the manifest.

    crops : (count, s, s, 3) uint8 RGB; source : where they came from
    """

    crops: NDArray[np.uint8]
    source: str

    def as_json(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.crops.tobytes()).hexdigest()
        return {"source": self.source, "count": len(self.crops), "sha256": digest}


def calibrate_on(dataset: Dataset, rule: CropRule, count: int = COUNT) -> CalibrationSet:
    """Up to ``count`` faces of the training subset of ``dataset``, evenly spread over its order.

    Faces that validate are left out as well: ranges chosen on them would flatter validation.
    """
    faces = [s for s in dataset.samples("train") if not is_validation(s.identity)]
    if not faces:
        raise DataError(f"{dataset.name} has no face to calibrate on", "Give one with more faces")
    chosen = [faces[i] for i in np.linspace(0, len(faces) - 1, min(count, len(faces))).astype(int)]
    return CalibrationSet(crops_of(chosen, rule), f"{dataset.name} train")
