"""Parity: deviation of an artifact's landmarks from the float model's on the same crops."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.checks.arithmetic import EXACT, SATURATING, Outputs
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.metrics import deviation
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.manifest import Precision

if TYPE_CHECKING:
    from asmnet_edge.training.float_model import FloatModel

# limits that an artifact must keep to be published
MAX_PIXELS_FLOAT32 = 0.02
MAX_PIXELS_FLOAT16 = 0.1
MAX_DEVIATION_INT8 = 1.0
MAX_DEVIATION_INT8_IO = 1.5  # rounding a coordinate to 256 steps is up to half of 1/224 off

BATCH = 4  # crops: TensorFlow keeps the memory of the largest batch, 0.1 GB a crop of 224 px

_cache: deque[tuple[FloatModel, bytes, Outputs]] = deque(maxlen=4)


def reference_of(model: FloatModel, crops: NDArray[np.uint8]) -> Outputs:
    """Return landmarks (faces, n, 2) and pose (faces, 3) that ``model`` predicts on ``crops``.

    Results of the last few calls are cached: Keras is the slowest runtime of all.
    """
    content = crops.tobytes()
    for cached_model, cached_crops, outputs in _cache:
        if cached_model is model and cached_crops == content:
            return outputs
    outputs = _predict(model, crops)
    _cache.append((model, content, outputs))
    return outputs


def _predict(model: FloatModel, crops: NDArray[np.uint8]) -> Outputs:
    """Predict in batches of 2 to `BATCH`: these give the same bits, a batch of 1 gives others."""
    parts = np.array_split(crops, math.ceil(len(crops) / BATCH))
    landmarks, pose = zip(*(model.predict(part) for part in parts), strict=True)
    return np.concatenate(landmarks), np.concatenate(pose)


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

    def passes(self, precision: Precision) -> bool:
        """Whether both deviations are within the limits of ``precision``."""
        pixels, percent = _limits(precision)
        return self.max_px <= pixels and self.deviation_iod_percent <= percent

    def check(self, precision: Precision, name: str) -> None:
        """Raise `CheckFailedError` if the artifact ``name`` exceeds a limit of ``precision``."""
        pixels, percent = _limits(precision)
        if self.max_px > pixels:
            raise CheckFailedError(
                f"{name} deviates by {self.max_px:.3f} px from the float model, "
                f"the limit is {pixels}"
            )
        if self.deviation_iod_percent > percent:
            raise CheckFailedError(
                f"{name} deviates by {self.deviation_iod_percent:.2f} % of the inter-ocular "
                f"distance from the float model, the limit is {percent}",
                "Calibrate on faces that look more like yours: --data",
            )


@dataclass(frozen=True)
class Parities:
    """Parity in both int8 arithmetics; the manifest's ``parity`` is the exact one.

    saturating : on x86 without VNNI; None for manifests of versions that did not measure it
    """

    exact: Parity
    saturating: Parity | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Parities:
        exact = {name: value for name, value in content.items() if name != SATURATING}
        other = content.get(SATURATING)
        return cls(Parity(**exact), Parity(**other) if other else None)

    def as_json(self) -> dict[str, Any]:
        other = {SATURATING: self.saturating.as_json()} if self.saturating else {}
        return {**self.exact.as_json(), **other}

    def of(self, arithmetic: str) -> Parity | None:
        """Return the parity in `EXACT` or `SATURATING` arithmetic; None if it is unknown."""
        return self.exact if arithmetic == EXACT else self.saturating

    def check(self, precision: Precision, name: str) -> None:
        """Raise `CheckFailedError` unless both are within the limits of ``precision``."""
        self.exact.check(precision, name)
        if self.saturating is not None:
            check_saturating(self.saturating, self.exact, precision, name)


def check_saturating(found: Parity, exact: Parity, precision: Precision, name: str) -> None:
    """Raise `CheckFailedError` unless ``found``, in saturating arithmetic, is within the limits.

    The error names saturation as the cause if the artifact passes in ``exact`` arithmetic.
    """
    if found.passes(precision) or not exact.passes(precision):
        return found.check(precision, name)
    raise CheckFailedError(
        f"{name} deviates by {found.deviation_iod_percent:.2f} % of the inter-ocular distance from "
        f"the float model on x86 without VNNI, the limit is {_limits(precision)[1]}: its products "
        f"saturate at 16 bits there (where they don't, it is {exact.deviation_iod_percent:.2f} %)",
        "Give --max-deviation, which keeps the layers that lose most in float, or take TFLite, "
        "which does not saturate",
    )


def compare_both(
    outputs: Mapping[str, Outputs], reference: Outputs, scheme: LandmarkScheme, size: int
) -> Parities:
    """Compare ``outputs`` of `Arithmetics.run` with the float model's ``reference``."""
    exact, other = (compare(outputs[a], reference, scheme, size) for a in (EXACT, SATURATING))
    return Parities(exact, other)


def _limits(precision: Precision) -> tuple[float, float]:
    """Return the limits of ``precision``: largest deviation in pixels, mean deviation in %."""
    return {
        Precision.FLOAT32: (MAX_PIXELS_FLOAT32, math.inf),
        Precision.FLOAT16: (MAX_PIXELS_FLOAT16, math.inf),
        Precision.DYNAMIC_INT8: (math.inf, MAX_DEVIATION_INT8),
        Precision.INT8: (math.inf, MAX_DEVIATION_INT8),
        Precision.INT8_IO: (math.inf, MAX_DEVIATION_INT8_IO),
    }[precision]


def compare(
    outputs: tuple[FloatArray, FloatArray],
    reference: tuple[FloatArray, FloatArray],
    scheme: LandmarkScheme,
    size: int,
) -> Parity:
    """Compare landmarks (faces, n, 2) and pose (faces, 3) with those of the float model."""
    distances = size * np.linalg.norm(outputs[0] - reference[0], axis=-1)
    return Parity(
        len(distances),
        float(distances.max()),
        float(distances.mean()),
        100 * float(deviation(outputs[0], reference[0], scheme).mean()),
        float(np.abs(outputs[1] - reference[1]).mean()),
    )
