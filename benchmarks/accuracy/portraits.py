"""The faces that an artifact moved most against the float model, small enough for a record."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.figures import EvaluationFaces
from asmnet_edge.benchmarks.accuracy.truth import Outputs
from asmnet_edge.runtime.backends.backend import Crop

COUNT, SIDE, QUALITY = 6, 160, 80
SEEN = 0.01  # % below which nobody would see a difference


@dataclass(frozen=True)
class Portraits:
    """reference : the float model's outputs for ``faces``."""

    faces: EvaluationFaces
    reference: Outputs

    def of(self, key: str, outputs: Outputs) -> list[dict[str, Any]]:
        """The worst faces of the row ``key``: picture as JPEG in base64, both models' landmarks."""
        far = 100 * metrics.deviation(outputs[0], self.reference[0], self.faces.scheme)
        worst = [n for n in np.argsort(-far, kind="stable")[:COUNT].tolist() if far[n] > SEEN]
        return [
            {
                "row": key,
                "face": number,
                "deviation_iod_percent": float(far[number]),
                "jpeg": _jpeg(self.faces.crops[number]),
                "landmarks": outputs[0][number].round(4).tolist(),
                "reference": self.reference[0][number].round(4).tolist(),
            }
            for number in worst
        ]


def _jpeg(crop: Crop) -> str:
    small = cv2.resize(crop[..., ::-1], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return base64.b64encode(encoded.tobytes()).decode()
