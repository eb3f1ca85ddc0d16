"""The calibration set: crops that activation ranges are measured on, never of test faces.

It is a stratified sample by pose and luminance, without randomness. Activation ranges are set by
faces with extreme poses and light, of which a random sample has few. So faces are divided into
strata by yaw, pitch and luminance, and the same number is drawn from each.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.calibration.leakage import UNLABELLED, refuse_test_faces, test_subsets
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.sample import Dataset, OnBroken, Sample, learnable, refuse
from asmnet_edge.datasets.splits import PERCENT, is_validation
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import exact_or_fitted

CHECKED = 32  # faces that an artifact is checked on
COUNT = 128  # 256 made no difference on validation faces
CANDIDATES = 3  # pictures to read for each face wanted: luminance is known after reading only
RENDERED = "synthetic"  # data set whose pictures take too long to draw for their luminance alone
# bin edges; about a fifth of 300W's training faces lies beyond each
EDGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"yaw": (-15.0, 15.0), "pitch": (-10.0, 12.0), "light": (90.0, 135.0)}
)
UNITS: Mapping[str, str] = MappingProxyType({"yaw": "°", "pitch": "°", "light": ""})
LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601

Stratum = tuple[int, ...]  # bin on each axis
Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


def luminance(crop: NDArray[np.uint8]) -> float:
    """Return the mean luminance, 0 to 255, of ``crop`` (s, s, 3) uint8 RGB."""
    return float(crop.reshape(-1, 3).mean(axis=0) @ np.array(LUMA))


def stratify(**values: FloatArray) -> list[Stratum]:
    """Return the bins, 0 to 2, of each face; ``values`` (faces,) by axis of `EDGES`."""
    bins = [np.digitize(values[axis], EDGES[axis]) for axis in values]
    return [tuple(int(b) for b in face) for face in zip(*bins, strict=True)]


def stratified_sample(strata: Sequence[Stratum], count: int) -> list[int]:
    """Return ascending indices of up to ``count`` faces, equally many from each stratum.

    Of a stratum with fewer faces, all are taken. Within a stratum, they are evenly spaced.
    """
    quotas = _quotas(Counter(strata), min(count, len(strata)))
    chosen: list[int] = []
    for stratum, quota in quotas.items():
        members = [i for i, other in enumerate(strata) if other == stratum]
        chosen += [members[i] for i in np.linspace(0, len(members) - 1, quota).astype(int)]
    return sorted(chosen)


def _quotas(sizes: Mapping[Stratum, int], count: int) -> dict[Stratum, int]:
    """Number of faces from each stratum: one in turn, in sorted order, while any is left."""
    quotas = dict.fromkeys(sorted(sizes), 0)
    while sum(quotas.values()) < count:
        for stratum in (s for s in quotas if quotas[s] < sizes[s]):
            quotas[stratum] += sum(quotas.values()) < count
    return quotas


def summarise(
    axes: Sequence[str], strata: Sequence[Stratum], chosen: Sequence[int]
) -> dict[str, Any]:
    """Return bin edges and face counts of each axis, lowest bin first, for the manifest."""
    return {
        axis: {
            "edges": list(EDGES[axis]),
            "chosen": [sum(strata[i][place] == k for i in chosen) for k in range(3)],
            "of": [sum(stratum[place] == k for stratum in strata) for k in range(3)],
        }
        for place, axis in enumerate(axes)
    }


@dataclass(frozen=True)
class CalibrationSet:
    """Calibration crops and their description for the manifest.

    crops : (count, s, s, 3) uint8 RGB; source : name of the data set and subset
    held_out : crops to check artifacts on, of other faces than ``crops`` where there are any
    choice : how the faces were sampled, and the test faces that they were compared with
    """

    crops: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    source: str
    choice: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.crops.tobytes()).hexdigest()
        return {"source": self.source, "count": len(self.crops), "sha256": digest, **self.choice}


def calibrate_on(
    dataset: Dataset,
    rule: CropRule,
    count: int = COUNT,
    validation_percent: float = PERCENT,
    not_in: Sequence[Dataset] = (),
    on_broken: OnBroken = refuse,
    progress: Progress = iter,
) -> CalibrationSet:
    """Sample up to ``count`` faces of the training subset of ``dataset``, of all poses and light.

    Validation faces are left out, because ranges chosen on them would flatter validation. Artifacts
    are checked on these, or on the calibration faces if the data set has no others. `DataError` if
    the picture of a sampled face shows a test face of ``dataset`` or of ``not_in``. ``progress``
    wraps the faces while they are read, for example in a progress bar.
    """
    if "train" not in dataset.subsets:
        raise DataError(
            f"{dataset.name} holds {', '.join(dataset.subsets) or 'nothing'} and no training faces",
            "Test faces are for reporting: calibrate on others",
        )
    samples = learnable(dataset.samples("train", on_broken))
    faces = [s for s in samples if not is_validation(s.identity, validation_percent)]
    others = [s for s in samples if is_validation(s.identity, validation_percent)]
    if not faces:
        raise DataError(f"{dataset.name} has no face to calibrate on", "Give one with more faces")
    chosen, crops, choice = _choose(dataset, faces, rule, count, progress)
    tests = [*test_subsets(dataset), *_tests(not_in)]
    compared = refuse_test_faces(chosen, tests, whole=dataset.name == UNLABELLED)
    held_out = crops_of(_spread(others, CHECKED), rule) if others else crops[:CHECKED]
    choice = {"of": len(faces), **choice, "compared_with": compared}
    return CalibrationSet(crops, held_out, f"{dataset.name} train", choice)


def _tests(datasets: Sequence[Dataset]) -> list[tuple[Dataset, str]]:
    """Return all test subsets of ``datasets``; `DataError` if one of them has none."""
    found = [(dataset, test_subsets(dataset)) for dataset in datasets]
    if lacking := [dataset.name for dataset, subsets in found if not subsets]:
        raise DataError(f"{', '.join(lacking)} has no test subset to compare with")
    return [pair for _, subsets in found for pair in subsets]


def _choose(
    dataset: Dataset, faces: Sequence[Sample], rule: CropRule, count: int, progress: Progress
) -> tuple[list[Sample], NDArray[np.uint8], dict[str, Any]]:
    """Return the faces to calibrate on, their crops, and the description of the sampling."""
    rendered = dataset.name == RENDERED
    values = _poses(faces)
    if values:
        near = stratified_sample(stratify(**values), count if rendered else CANDIDATES * count)
    else:
        near = [faces.index(face) for face in _spread(faces, CANDIDATES * count)]
    read = [faces[i] for i in near]
    crops = np.concatenate([crops_of([face], rule) for face in progress(read)])
    values = {axis: angles[near] for axis, angles in values.items()}
    if not rendered:
        values["light"] = np.array([luminance(crop) for crop in crops])
    strata = stratify(**values)
    chosen = stratified_sample(strata, count)
    how = {"read": len(read), "strata": summarise(list(values), strata, chosen)}
    return [read[i] for i in chosen], crops[chosen], how


def _poses(faces: Sequence[Sample]) -> dict[str, FloatArray]:
    """Return yaw and pitch (faces,) in degrees, exact or fitted; {} if the scheme allows no fit."""
    scheme = faces[0].landmarks.scheme
    if not scheme.to_ibug68:
        return {}
    points = np.stack([face.landmarks.points for face in faces])
    yaw, pitch, _ = exact_or_fitted([face.pose for face in faces], points, scheme).T
    return {"yaw": yaw, "pitch": pitch}


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Return up to ``count`` of ``samples``, evenly spaced."""
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int)
    return [samples[i] for i in places]
