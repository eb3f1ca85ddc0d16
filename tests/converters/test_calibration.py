"""Calibration crops: training faces alone, the same ones each time."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest

from asmnet_edge.converters.calibration import CalibrationSet, calibrate_on
from asmnet_edge.crop import CropRule
from asmnet_edge.data.crops import crops_of
from asmnet_edge.data.sample import Sample
from asmnet_edge.data.split import is_validation
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.landmarks import Landmarks
from asmnet_edge.schemes import IBUG68, LandmarkScheme

RULE = CropRule(size=32)
BLUE = (255, 0, 0)  # BGR


class CountedFaces:
    """A data set that keeps the names of the faces whose pictures were read."""

    name = "counted"
    licence = "none"
    scheme: LandmarkScheme = IBUG68
    subsets = ("train", "test")

    def __init__(self, identities: Sequence[str], points: np.ndarray) -> None:
        self.read: list[str] = []
        self._identities, self._points = identities, points

    def samples(self, subset: str) -> Sequence[Sample]:
        if subset != "train":
            raise DataError(f"{subset} is for reporting")
        return [self._sample(identity) for identity in self._identities]

    def _sample(self, identity: str) -> Sample:
        return Sample(identity, identity, partial(self._load, identity), self._landmarks)

    @property
    def _landmarks(self) -> Landmarks:
        return Landmarks(self._points, IBUG68)

    def _load(self, identity: str) -> np.ndarray:
        self.read.append(identity)
        return np.full((64, 64, 3), BLUE, np.uint8)


IDENTITIES = [f"person{number}" for number in range(200)]
TRAINING = [identity for identity in IDENTITIES if not is_validation(identity)]


@pytest.fixture
def faces(face_points: Callable) -> CountedFaces:
    return CountedFaces(IDENTITIES, face_points(unit=15, centre=(32, 30)))


def test_validation_faces_never_enter(faces: CountedFaces) -> None:
    assert 0 < len(TRAINING) < len(IDENTITIES)
    found = calibrate_on(faces, RULE, count=1000)
    assert faces.read[: len(TRAINING)] == TRAINING
    assert len(found.crops) == len(TRAINING)


def test_artifacts_are_checked_on_faces_held_out(faces: CountedFaces) -> None:
    found = calibrate_on(faces, RULE, count=10)
    checked = faces.read[10:]
    assert len(checked) == len(found.held_out) > 0
    assert not set(checked) & set(TRAINING)


def test_without_faces_held_out_the_calibration_faces_are_checked(face_points: Callable) -> None:
    few = CountedFaces(TRAINING[:3], face_points(unit=15, centre=(32, 30)))
    found = calibrate_on(few, RULE)
    assert (found.held_out == found.crops).all()


def test_only_the_training_subset_enters() -> None:
    drawn = DrawnFaces(6, size=64)
    training = [s for s in drawn.samples("train") if not is_validation(s.identity)]
    found = calibrate_on(drawn, RULE)
    assert (found.crops == crops_of(training, RULE)).all()
    assert found.as_json()["source"] == "synthetic train"


def test_as_many_as_asked_for_are_spread_over_the_order(faces: CountedFaces) -> None:
    assert len(calibrate_on(faces, RULE, count=10).crops) == 10
    places = [TRAINING.index(identity) for identity in faces.read[:10]]
    steps = np.diff(places)
    assert (places[0], places[-1]) == (0, len(TRAINING) - 1)
    assert steps.min() >= len(TRAINING) // 10
    assert steps.max() - steps.min() <= 1


def test_twice_the_same() -> None:
    drawn = DrawnFaces(12, size=64)
    once, again = (calibrate_on(drawn, RULE, count=5) for _ in range(2))
    assert once.as_json() == again.as_json()
    assert (once.crops == again.crops).all()


def test_the_hash_changes_with_one_pixel() -> None:
    crops = np.zeros((2, 4, 4, 3), np.uint8)
    changed = crops.copy()
    changed[1, 3, 3, 2] = 1
    one, other = (CalibrationSet(c, c, "dots").as_json() for c in (crops, changed))
    assert one == {**other, "sha256": one["sha256"]}
    assert one["sha256"] != other["sha256"]
    assert (one["count"], len(one["sha256"])) == (2, 64)


def test_crops_are_as_the_network_takes_them(faces: CountedFaces) -> None:
    crops = calibrate_on(faces, RULE, count=3).crops
    assert (crops.shape, crops.dtype) == ((3, 32, 32, 3), np.uint8)
    assert crops[0, 16, 16].tolist() == [0, 0, 255]  # RGB


def test_no_face_to_calibrate_on_is_told(face_points: Callable) -> None:
    held_out = [identity for identity in IDENTITIES if is_validation(identity)]
    with pytest.raises(AsmnetEdgeError):
        calibrate_on(CountedFaces(held_out, face_points(unit=15, centre=(32, 30))), RULE)
