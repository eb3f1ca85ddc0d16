"""The calibration set: crops that activation ranges are measured on, never of test faces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.calibration.strata import (
    luminance,
    stratified_sample,
    stratify,
    summarise,
)
from asmnet_edge.converters.calibration.testfaces import UNLABELLED, refuse_test_faces, test_subsets
from asmnet_edge.crop import CropRule
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Dataset, OnBroken, Sample, learnable, refuse
from asmnet_edge.data.split import PERCENT, is_validation
from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import exact_or_fitted

CHECKED = 32  # faces that an artifact is checked on
COUNT = 128  # 256 made no difference on validation faces
CANDIDATES = 3  # pictures to read for each face wanted: luminance is known after reading only
RENDERED = "synthetic"  # data set whose pictures take too long to make for their luminance alone

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


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
