"""Portraits: the faces that an artifact moved most against the float model, small for a record."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import EvaluationFaces, Outputs
from asmnet_edge.benchmarks.record_types import Point, Portrait
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.runtime.backends.backend import Crop

COUNT, SIDE, QUALITY = 6, 160, 80
SEEN = 0.01  # % below which a difference is invisible


@dataclass(frozen=True)
class Portraits:
    """Faces of one run; reference : the float model's outputs for ``faces``."""

    faces: EvaluationFaces
    reference: Outputs

    def of(self, key: str, outputs: Outputs) -> list[Portrait]:
        """Return the worst faces of the row ``key``."""
        far = 100 * metrics.deviation(outputs[0], self.reference[0], self.faces.scheme)
        worst = [n for n in np.argsort(-far, kind="stable")[:COUNT].tolist() if far[n] > SEEN]
        return [
            Portrait(
                row=key,
                face=number,
                deviation_iod_percent=float(far[number]),
                jpeg=_jpeg(self.faces.crops[number]),
                landmarks=_pairs(outputs[0][number]),
                reference=_pairs(self.reference[0][number]),
            )
            for number in worst
        ]


def _pairs(points: FloatArray) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in points.round(4))


def _jpeg(crop: Crop) -> str:
    small = cv2.resize(crop[..., ::-1], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return base64.b64encode(encoded.tobytes()).decode()
