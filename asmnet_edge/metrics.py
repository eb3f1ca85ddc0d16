"""Accuracy of landmarks and pose, as the field defines it.

All take landmarks as (faces, n, 2) in one and the same unit and return one value per face, so that
means, intervals and curves can be made from the same numbers. Multiply by 100 for per cent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.landmarks import FloatArray
from asmnet_edge.schemes import LandmarkScheme


def inter_ocular(points: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Distance of the outer eye corners, (faces,)."""
    left, right = scheme.eye_corners
    return np.linalg.norm(points[:, left] - points[:, right], axis=-1)


def inter_pupil(points: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Distance of the eye centres (mean of each eye's points), (faces,)."""
    left, right = (points[:, list(eye)].mean(axis=1) for eye in scheme.eyes)
    return np.linalg.norm(left - right, axis=-1)


def box_size(points: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Square root of the area of the tight box around the points, (faces,)."""
    return np.sqrt(np.prod(points.max(axis=1) - points.min(axis=1), axis=-1))


NORMALISERS: Mapping[str, Callable[[FloatArray, LandmarkScheme], FloatArray]] = MappingProxyType(
    {"inter-ocular": inter_ocular, "inter-pupil": inter_pupil, "box": box_size}
)


def point_errors(
    predicted: FloatArray,
    truth: FloatArray,
    scheme: LandmarkScheme,
    normaliser: str = "inter-ocular",
) -> FloatArray:
    """Distance of each point to the truth over the truth's ``normaliser``, (faces, n)."""
    distances = np.linalg.norm(predicted - truth, axis=-1)
    return distances / NORMALISERS[normaliser](truth, scheme)[:, None]


def nme(
    predicted: FloatArray,
    truth: FloatArray,
    scheme: LandmarkScheme,
    normaliser: str = "inter-ocular",
) -> FloatArray:
    """Normalised mean error of each face, (faces,), as a fraction.

    e_i = mean_j |p_ij - g_ij| / d_i; the data set's figure is the mean of e_i. For inter-ocular
    d_i see the 300W protocol (Sagonas et al. 2013).
    """
    return point_errors(predicted, truth, scheme, normaliser).mean(axis=1)


def deviation(landmarks: FloatArray, reference: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Mean distance of each face's landmarks to another model's, over its inter-ocular distance.

    (faces,), as a fraction; needs no annotations.
    """
    return nme(landmarks, reference, scheme)


def failure_rate(errors: FloatArray, threshold: float) -> float:
    """Share of ``errors`` (faces,) above ``threshold``."""
    return float(np.mean(errors > threshold))


def auc(errors: FloatArray, threshold: float) -> float:
    """Area under the cumulative error curve up to ``threshold``, over ``threshold``: 0 to 1.

    The curve is a step function of the errors, so the area is exact: each face below the threshold
    adds a rectangle of width ``threshold - error``.
    """
    return float(np.clip(threshold - errors, 0, None).mean() / threshold)


def angle_errors(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Absolute difference in degrees, by the shorter way round, same shape as the input."""
    return np.abs((predicted - truth + 180.0) % 360.0 - 180.0)


def bootstrap_interval(
    values: FloatArray,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    identities: Sequence[str] = (),
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of ``values`` (faces,).

    Efron, "Bootstrap methods", Annals of Statistics 1979. For a paired drop pass the differences.
    identities : (faces,), or empty: each face is another's; faces that share one are drawn
    together, as frames of one film are no news (Field & Welsh, "Bootstrapping clustered data",
    J. R. Stat. Soc. B 69, 2007). Where all share one, nothing is left but to draw faces.
    """
    owners = _numbered(identities) if len(set(identities)) > 1 else np.arange(len(values))
    sums, counts = np.bincount(owners, values), np.bincount(owners)
    draws = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _numbered(names: Sequence[str]) -> NDArray[np.intp]:
    """0 for the first of ``names`` and all that are like it, 1 for the next, and so on."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.intp)
