"""The crops that activation ranges are measured on. Test pictures never get here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.calibration.strata import choose, light_of, strata_of, told
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
# pictures are read of so many faces for each one that is wanted; light is only seen in them
READ = 3
TO_DRAW = "synthetic"  # a data set whose pictures cost more to make than their light is worth

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


@dataclass(frozen=True)
class CalibrationSet:
    """Crops and what to say of them in the manifest.

    crops : (count, s, s, 3) uint8 RGB; source : where they came from
    held_out : crops that artifacts are checked on, from faces that were not calibrated on
    choice : how the faces were chosen, and with what test faces they were compared
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
    """Up to ``count`` faces of the training subset of ``dataset``, of every pose and light.

    Faces that validate are left out: ranges chosen on them would flatter validation. The artifacts
    are checked on those, or on the calibration faces of a data set too small to have any.
    `DataError` when a face that was chosen is a test face, of ``dataset`` or of those in
    ``not_in``, by what its picture shows. ``progress`` may wrap the faces that are read in a bar.
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
    """The test subsets of ``datasets``; one without any cannot be compared with."""
    found = [(dataset, test_subsets(dataset)) for dataset in datasets]
    if lacking := [dataset.name for dataset, subsets in found if not subsets]:
        raise DataError(f"{', '.join(lacking)} has no test subset to compare with")
    return [pair for _, subsets in found for pair in subsets]


def _choose(
    dataset: Dataset, faces: Sequence[Sample], rule: CropRule, count: int, progress: Progress
) -> tuple[list[Sample], NDArray[np.uint8], dict[str, Any]]:
    """The faces to calibrate on, their crops, and how they were chosen."""
    draws = dataset.name == TO_DRAW
    values = _poses(faces)
    if values:
        near = choose(strata_of(**values), count if draws else READ * count)
    else:
        near = [faces.index(face) for face in _spread(faces, READ * count)]
    read = [faces[i] for i in near]
    crops = np.concatenate([crops_of([face], rule) for face in progress(read)])
    values = {axis: angles[near] for axis, angles in values.items()}
    if not draws:
        values["light"] = np.array([light_of(crop) for crop in crops])
    strata = strata_of(**values)
    chosen = choose(strata, count)
    how = {"read": len(read), "strata": told(list(values), strata, chosen)}
    return [read[i] for i in chosen], crops[chosen], how


def _poses(faces: Sequence[Sample]) -> dict[str, FloatArray]:
    """Yaw and pitch (faces,) in degrees, exact or fitted; none where points cannot tell them."""
    scheme = faces[0].landmarks.scheme
    if not scheme.to_ibug68:
        return {}
    points = np.stack([face.landmarks.points for face in faces])
    yaw, pitch, _ = exact_or_fitted([face.pose for face in faces], points, scheme).T
    return {"yaw": yaw, "pitch": pitch}


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Up to ``count`` of ``samples``, evenly spread."""
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int)
    return [samples[i] for i in places]
