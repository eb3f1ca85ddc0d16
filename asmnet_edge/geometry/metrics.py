"""Accuracy of landmarks and pose, as the field defines it.

Errors take landmarks as (faces, n, 2), all in one unit, and return one value per face, a fraction.
Figures, which records and tables show, are functions of a `Comparison`. `METRICS` lists all of
them: to add one, write a function of a `Comparison` in a module and add a line to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.registry import Entry, Registry


def inter_ocular(points: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Return the distance (faces,) of the outer eye corners of ``points`` (faces, n, 2)."""
    left, right = scheme.eye_corners
    return np.linalg.norm(points[:, left] - points[:, right], axis=-1)


def inter_pupil(points: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Return the distance (faces,) of the eye centres, each the mean of its eye's points."""
    left, right = (points[:, list(eye)].mean(axis=1) for eye in scheme.eyes)
    return np.linalg.norm(left - right, axis=-1)


def box_size(points: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Return the square root (faces,) of the area of the tight box around each face's points."""
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
    """Return the distance (faces, n) of each point to the truth, over the truth's ``normaliser``.

    predicted, truth : (faces, n, 2), one unit; normaliser : a key of `NORMALISERS`
    """
    distances = np.linalg.norm(predicted - truth, axis=-1)
    return distances / NORMALISERS[normaliser](truth, scheme)[:, None]


def nme(
    predicted: FloatArray,
    truth: FloatArray,
    scheme: LandmarkScheme,
    normaliser: str = "inter-ocular",
) -> FloatArray:
    """Return the normalised mean error (faces,) of each face, as a fraction.

    e_i = mean_j |p_ij - g_ij| / d_i; the data set's figure is the mean of e_i. For inter-ocular
    d_i see the 300W protocol (Sagonas et al. 2013).
    """
    return point_errors(predicted, truth, scheme, normaliser).mean(axis=1)


def deviation(landmarks: FloatArray, reference: FloatArray, scheme: LandmarkScheme) -> FloatArray:
    """Return the mean distance (faces,) to another model's landmarks, as an `nme`, a fraction.

    landmarks, reference : (faces, n, 2), one unit. It needs no annotations.
    """
    return nme(landmarks, reference, scheme)


def failure_rate(errors: FloatArray, threshold: float) -> float:
    """Return the share of ``errors`` (faces,) above ``threshold``, 0 to 1."""
    return float(np.mean(errors > threshold))


def auc(errors: FloatArray, threshold: float) -> float:
    """Return the area under the cumulative error curve up to ``threshold``, over it: 0 to 1.

    The curve is a step function of the errors, so the area is exact: each face below the threshold
    adds a rectangle of width ``threshold - error``.
    """
    return float(np.clip(threshold - errors, 0, None).mean() / threshold)


def angle_errors(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the absolute differences of angles in degrees, by the shorter way, of any shape."""
    return np.abs((predicted - truth + 180.0) % 360.0 - 180.0)


def bootstrap_interval(
    values: FloatArray,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    identities: Sequence[str] = (),
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (low, high) of the mean of ``values`` (faces,).

    Efron, "Bootstrap methods", Annals of Statistics 1979. For a paired drop pass the differences.
    identities : (faces,), or empty: each face is of another person; faces that share one are drawn
    together, since frames of one video are not independent (Field & Welsh, "Bootstrapping clustered
    data", J. R. Stat. Soc. B 69, 2007). Where all share one, single faces are drawn.
    """
    owners = _numbered(identities) if len(set(identities)) > 1 else np.arange(len(values))
    sums, counts = np.bincount(owners, values), np.bincount(owners)
    draws = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _numbered(names: Sequence[str]) -> NDArray[np.intp]:
    """Number of each of ``names`` (faces,) by its first occurrence: 0 for the first, and so on."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.intp)


@dataclass(frozen=True)
class Comparison:
    """Predictions of a model beside the annotations of the same faces: the input of a metric.

    predicted, truth : (faces, n, 2) landmarks in one unit; pose, true_pose : (faces, 3) degrees
    identities : (faces,) as in `bootstrap_interval`, or empty
    """

    predicted: FloatArray
    truth: FloatArray
    pose: FloatArray
    true_pose: FloatArray
    scheme: LandmarkScheme
    identities: Sequence[str] = ()

    def __post_init__(self) -> None:
        faces = len(self.truth)
        points, angles = (faces, self.scheme.points, 2), (faces, 3)
        expected = {"predicted": points, "truth": points, "pose": angles, "true_pose": angles}
        for name, shape in expected.items():
            if (got := np.shape(getattr(self, name))) != shape:
                raise DataError(f"{name} must be {shape}, got {got}")

    @cached_property
    def point_errors(self) -> FloatArray:
        """Error of each point over the inter-ocular distance, (faces, n), as a fraction."""
        return point_errors(self.predicted, self.truth, self.scheme)

    @cached_property
    def errors(self) -> FloatArray:
        """NME of each face, (faces,), as a fraction."""
        return self.point_errors.mean(axis=1)


# in the order of the figures in records
METRICS = Registry(
    "metric",
    Entry("nme", __name__, "mean_nme", "mean error over the distance of the eye corners, %"),
    Entry("nme_interval", __name__, "nme_interval", "95 % bootstrap interval of the NME, %"),
    Entry("nme_by_region", __name__, "nme_by_region", "NME of each facial region, %"),
    Entry("failure_rate", __name__, "share_of_failures", "share of faces above the threshold"),
    Entry("auc", __name__, "area_under_curve", "area under the cumulative error curve, 0 to 1"),
    Entry("pose_mae", __name__, "pose_mae", "mean absolute error of yaw, pitch, roll, degrees"),
)


def figures(comparison: Comparison) -> dict[str, Any]:
    """Return every metric of ``comparison`` by name, as plain values for JSON."""
    return {name: METRICS.load(name)(comparison) for name in METRICS}


def mean_nme(comparison: Comparison) -> float:
    """NME in %, mean over faces."""
    return 100 * float(comparison.errors.mean())


def nme_interval(comparison: Comparison) -> list[float]:
    """95 % bootstrap interval of the mean NME in %, [low, high]."""
    errors, identities = 100 * comparison.errors, comparison.identities
    return list(bootstrap_interval(errors, identities=identities))


def nme_by_region(comparison: Comparison) -> dict[str, float]:
    """NME in % over the points of each facial region of the scheme."""
    return by_region(100 * comparison.point_errors, comparison.scheme)


def by_region(values: FloatArray, scheme: LandmarkScheme) -> dict[str, float]:
    """Return the mean of ``values`` (faces, n) over the points of each region of ``scheme``."""
    groups = scheme.groups.items()
    return {name: float(values[:, list(indices)].mean()) for name, indices in groups}


def share_of_failures(comparison: Comparison) -> float:
    """Share of faces whose NME exceeds the failure threshold of the scheme, 0 to 1."""
    return failure_rate(comparison.errors, comparison.scheme.failure)


def area_under_curve(comparison: Comparison) -> float:
    """`auc` up to the failure threshold of the scheme, 0 to 1."""
    return auc(comparison.errors, comparison.scheme.failure)


def pose_mae(comparison: Comparison) -> dict[str, float]:
    """Mean absolute error of yaw, pitch and roll, degrees."""
    mean = angle_errors(comparison.pose, comparison.true_pose).mean(axis=0)
    return dict(zip(AXES, mean.tolist(), strict=True))
