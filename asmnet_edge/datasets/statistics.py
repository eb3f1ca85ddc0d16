"""Statistics of a data set: number and size of faces, their pose, and its accuracy.

Sizes in pixels of the pictures, angles in degrees; axes and signs of the pose as in
`asmnet_edge.geometry.pose`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.sample import Dataset, Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, NotAFaceError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.metrics import angle_errors, inter_ocular
from asmnet_edge.geometry.pose import AXES, exact_or_fitted, fit_pose
from asmnet_edge.geometry.schemes import LandmarkScheme


@dataclass(frozen=True)
class Spread:
    """Distribution of values: mean, standard deviation, and the 5th, 50th and 95th percentile."""

    mean: float
    sd: float
    p5: float
    median: float
    p95: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Spread:
        """Return the spread of ``values`` (faces,), in their unit."""
        p5, median, p95 = np.percentile(values, [5, 50, 95])
        return cls(float(values.mean()), float(values.std()), float(p5), float(median), float(p95))


@dataclass(frozen=True)
class MeasuredFaces:
    """The faces of one subset, measured.

    samples : the faces that could be read; points : (faces, n, 2) pixels of each picture
    sizes : (faces, 2) width and height of the pictures
    """

    dataset: str
    subset: str
    licence: str
    scheme: LandmarkScheme
    samples: Sequence[Sample]
    points: FloatArray
    sizes: NDArray[np.intp]
    missing: Sequence[Missing]

    @property
    def title(self) -> str:
        """Data set and subset, such as ``300w common``."""
        return f"{self.dataset} {self.subset}"

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Whether a face's pose is known, (faces,)."""
        return np.array([sample.pose is not None for sample in self.samples])

    @cached_property
    def pose(self) -> FloatArray | None:
        """Exact pose where it is known, else the fitted one, (faces, 3).

        None where a face's pose is neither known nor can be fitted to landmarks of the scheme.
        """
        if not (self.scheme.to_ibug68 or self.exact.all()):
            return None
        return exact_or_fitted([s.pose for s in self.samples], self.points, self.scheme)

    @property
    def outside(self) -> float:
        """Share of points whose pixel is not in the picture; pixel 0 reaches from -0.5 to 0.5."""
        last = self.sizes[:, None, :] - 0.5
        return float(((self.points < -0.5) | (self.points >= last)).any(axis=2).mean())

    def as_json(self) -> dict[str, Any]:
        """All figures, as plain values."""
        extent = self.points.max(axis=1) - self.points.min(axis=1)
        exact = self.exact
        return {
            "dataset": self.dataset,
            "subset": self.subset,
            "licence": self.licence,
            "scheme": self.scheme.name,
            "faces": len(self.samples),
            "identities": len({sample.identity for sample in self.samples}),
            "missing": [asdict(missing) for missing in self.missing],
            "picture_px": _spreads(("width", "height"), self.sizes),
            "box_px": asdict(Spread.of(extent.max(axis=1))),
            "inter_ocular_px": asdict(Spread.of(inter_ocular(self.points, self.scheme))),
            "points_outside": self.outside,
            "pose": None if self.pose is None else _spreads(AXES, self.pose),
            "pose_exact": int(exact.sum()),
            "pose_label_mae": self._label_mae(exact),
        }

    def _label_mae(self, exact: NDArray[np.bool_]) -> dict[str, float] | None:
        """Mean absolute error of the fitted pose, degrees; None if none can be compared."""
        if self.pose is None or not (exact.any() and self.scheme.to_ibug68):
            return None
        fitted = fit_pose(self.points[exact], self.scheme)
        errors = angle_errors(fitted, self.pose[exact]).mean(axis=0)
        return dict(zip(AXES, errors.tolist(), strict=True))


def measure(
    dataset: Dataset,
    subset: str,
    progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter,
    on_broken: OnBroken = refuse,
    label: str = "",
) -> MeasuredFaces:
    """Read and measure every face of ``subset``; broken ones are handled as by `Dataset.samples`.

    ``label`` : name of the data set in the figures, by default its own
    """
    kept, sizes = [], []
    for sample in progress(dataset.samples(subset, on_broken)):
        try:
            height, width = sample.load().shape[:2]
        except DataError as error:
            on_broken(error)
            continue
        kept.append(sample)
        sizes.append((width, height))
    if not kept:
        raise DataError(f"{dataset.name} {subset} has no face that can be read")
    points = np.stack([sample.landmarks.points for sample in kept])
    facts = (label or dataset.name, subset, dataset.licence, dataset.scheme)
    return MeasuredFaces(*facts, kept, points, np.array(sizes), dataset.missing(subset))


def repeated(
    dataset: Dataset, subsets: Sequence[str], on_broken: OnBroken = refuse
) -> dict[str, str]:
    """Return those of ``subsets`` with the same faces as an earlier one, and that one.

    Such is ``full`` of 300W without iBUG. Broken faces are part of a subset; ``on_broken`` is
    called only for what else is absent.
    """
    seen: dict[frozenset[str], str] = {}
    repeats = {}
    for subset in dict.fromkeys(subsets):
        faces, others = _faces_and_others(dataset, subset)
        if faces and seen.setdefault(faces, subset) != subset:
            repeats[subset] = seen[faces]
            for error in others:
                on_broken(error)
    return repeats


def _faces_and_others(dataset: Dataset, subset: str) -> tuple[frozenset[str], list[DataError]]:
    """Names of the faces, or errors of broken ones; and errors that are about no face."""
    errors: list[DataError] = []
    try:
        names = [sample.name for sample in dataset.samples(subset, errors.append)]
    except DataError:  # it is raised again where the subset is measured
        return frozenset(), []
    others: list[DataError] = [error for error in errors if isinstance(error, NotAFaceError)]
    broken = [str(error) for error in errors if error not in others]
    return frozenset([*names, *broken]), others


def _spreads(names: Sequence[str], values: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Spread of each column of ``values`` (faces, names)."""
    return {name: asdict(Spread.of(column)) for name, column in zip(names, values.T, strict=True)}
