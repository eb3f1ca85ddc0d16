"""Parity: how far an artifact's landmarks lie from the float model's on the same crops."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from asmnet_edge.errors import CheckFailedError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.manifest import Precision
from asmnet_edge.metrics import deviation
from asmnet_edge.schemes import LandmarkScheme

# what an artifact must keep to get its final name: (largest, mean) deviation, in the units named
MAX_PIXELS_FLOAT32 = 0.02
MAX_DEVIATION_INT8 = 1.0


@dataclass(frozen=True)
class Parity:
    """Deviation from the float model over ``faces`` crops.

    max_px, mean_px : distance of a landmark in crop pixels; deviation_iod_percent : mean distance
    in % of the float model's inter-ocular distance; pose_degrees : mean over axes
    """

    faces: int
    max_px: float
    mean_px: float
    deviation_iod_percent: float
    pose_degrees: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)

    def check(self, precision: Precision, name: str) -> None:
        """`CheckFailedError` when the artifact is too far from the float model to be used."""
        if precision is Precision.FLOAT32 and self.max_px > MAX_PIXELS_FLOAT32:
            raise CheckFailedError(
                f"{name} deviates by {self.max_px:.3f} px from the float model, "
                f"allowed are {MAX_PIXELS_FLOAT32}"
            )
        if precision is Precision.INT8 and self.deviation_iod_percent > MAX_DEVIATION_INT8:
            raise CheckFailedError(
                f"{name} deviates by {self.deviation_iod_percent:.2f} % of the inter-ocular "
                f"distance from the float model, allowed are {MAX_DEVIATION_INT8}",
                "Calibrate on faces that look more like yours: --data",
            )


def compare(
    outputs: tuple[FloatArray, FloatArray],
    reference: tuple[FloatArray, FloatArray],
    scheme: LandmarkScheme,
    size: int,
) -> Parity:
    """Parity of (landmarks, pose) ``outputs`` with the float model's ``reference``."""
    distances = size * np.linalg.norm(outputs[0] - reference[0], axis=-1)
    return Parity(
        len(distances),
        float(distances.max()),
        float(distances.mean()),
        100 * float(deviation(outputs[0], reference[0], scheme).mean()),
        float(np.abs(outputs[1] - reference[1]).mean()),
    )
