"""Calibration crops: training faces alone, the same ones each time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet, calibrate_on
from asmnet_edge.datasets.annotated_crops import crops_of
from asmnet_edge.datasets.pack import PACK_RULE, make_pack
from asmnet_edge.datasets.pack_file import PackFacts, PackFile, write_pack
from asmnet_edge.datasets.sample import Sample, refuse
from asmnet_edge.datasets.splits import is_validation
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.geometry.crop import CropRule, cut
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.pose import in_plane_roll
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme
from asmnet_edge.io.images import decode_image, encode_image

RULE = CropRule(size=32)
BLUE = (255, 0, 0)  # BGR


def test_crops_to_calibrate_on_are_cut_as_the_network_expects_them(face_samples: Callable) -> None:
    level, upright = (crops_of(face_samples(3), replace(RULE, upright=u)) for u in (False, True))
    assert (level == crops_of(face_samples(3), RULE)).all()
    for sample, crop in zip(face_samples(3), upright, strict=True):
        turned = -in_plane_roll(sample.landmarks.points)
        square = replace(RULE, upright=True).square(sample.landmarks)
        assert square.rotation == turned
        assert (crop == cut(sample.load(), square.matrix(32), 32)[..., ::-1]).all()
    assert (level != upright).any()


class CountedFaces:
    """A data set that keeps the names of the faces whose pictures were read."""

    name = "counted"
    licence = "none"
    scheme: LandmarkScheme = IBUG68
    subsets = ("train",)

    def __init__(self, identities: Sequence[str], points: np.ndarray) -> None:
        self.read: list[str] = []
        self._identities, self._points = identities, points

    def samples(self, subset: str, on_broken: Callable = refuse) -> Sequence[Sample]:
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


class Kept:
    """Samples as one subset of a data set."""

    licence = "none"
    scheme: LandmarkScheme = IBUG68

    def __init__(self, samples: Sequence[Sample], subset: str, name: str = "kept") -> None:
        self._samples, self.subsets, self.name = samples, (subset,), name

    def samples(self, subset: str, on_broken: Callable = refuse) -> Sequence[Sample]:
        return self._samples


BLACK = np.zeros((256, 256, 3), np.uint8)
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
    held_out = set(IDENTITIES) - set(TRAINING)
    assert len(found.held_out) == len(held_out & set(faces.read)) > 0
    assert len(found.crops) == 10


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


def test_pictures_are_read_of_a_few_times_as_many_faces_as_asked_for(faces: CountedFaces) -> None:
    found = calibrate_on(faces, RULE, count=10)
    assert len(found.crops) == 10
    read = [identity for identity in TRAINING if identity in set(faces.read)]
    places = [TRAINING.index(identity) for identity in read]
    assert (len(read), places[0], places[-1]) == (30, 0, len(TRAINING) - 1)


def test_every_pose_and_light_enters() -> None:
    content = calibrate_on(DrawnFaces(160, size=64), RULE, count=40).as_json()
    assert (content["count"], content["read"]) == (40, 40)
    for axis in ("yaw", "pitch"):
        assert min(content["strata"][axis]["chosen"]) >= 5
        assert sum(content["strata"][axis]["of"]) == 40


def test_the_light_of_pictures_that_were_read_counts(face_samples: Callable) -> None:
    dark = [replace(s, load=lambda: BLACK) for s in face_samples(60)[::10]]
    faces = Kept([*face_samples(60), *dark], "train")
    light = calibrate_on(faces, RULE, count=20).as_json()["strata"]["light"]
    assert light["chosen"][0] == light["of"][0] > 0  # rare, so all of them


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


def test_no_face_to_calibrate_on_is_refused(face_points: Callable) -> None:
    held_out = [identity for identity in IDENTITIES if is_validation(identity)]
    with pytest.raises(AsmnetEdgeError):
        calibrate_on(CountedFaces(held_out, face_points(unit=15, centre=(32, 30))), RULE)


# test faces


def copies(samples: Sequence[Sample]) -> list[Sample]:
    """The same faces under other names, smaller and as JPEGs."""

    def load(sample: Sample) -> np.ndarray:
        small = cv2.resize(sample.load(), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        return decode_image(encode_image(small, ".jpg", 60), "copy")

    return [
        replace(
            sample,
            name=f"innocent{number}",
            identity=f"innocent{number}",
            load=partial(load, sample),
            landmarks=Landmarks(0.7 * sample.landmarks.points, IBUG68),
        )
        for number, sample in enumerate(samples)
    ]


@pytest.fixture(scope="module")
def drawn() -> list[Sample]:
    return list(DrawnFaces(40, size=128).samples("train"))


def test_a_test_face_under_another_name_is_refused(drawn: list[Sample]) -> None:
    ours, tests = drawn[:30], Kept(drawn[30:], "common", "tests")
    calibrate_on(Kept(ours, "train"), RULE, not_in=[tests])
    mixed = Kept([*ours, *copies(drawn[30:32])], "train")
    with pytest.raises(DataError, match=r"innocent\d shows train/0-3\d.*take them away"):
        calibrate_on(mixed, RULE, not_in=[tests])


def test_the_manifest_names_the_test_faces_compared_with(drawn: list[Sample]) -> None:
    found = calibrate_on(
        Kept(drawn[:30], "train"), RULE, not_in=[Kept(drawn[30:], "common", "tests")]
    )
    assert found.as_json()["compared_with"] == {"tests": 10}


@pytest.mark.parametrize("subset", ["common", "test"])
def test_a_data_set_of_test_faces_alone_is_refused(drawn: list[Sample], subset: str) -> None:
    with pytest.raises(DataError, match=f"holds {subset} and no training faces.*for reporting"):
        calibrate_on(Kept(drawn, subset), RULE)


def test_a_pack_of_test_faces_is_refused(drawn: list[Sample], tmp_path: Path) -> None:
    pack = make_pack(drawn[:4])
    facts = PackFacts("300w", "common", "none", IBUG68, PACK_RULE, 92)
    write_pack(tmp_path / "common.npz", pack, facts)
    with pytest.raises(DataError, match="300w pack holds common and no training faces"):
        calibrate_on(PackFile(tmp_path / "common.npz"), RULE)


def test_what_has_no_test_faces_cannot_be_compared_with(drawn: list[Sample]) -> None:
    ours = Kept(drawn[:30], "train", "ours")
    with pytest.raises(DataError, match="ours has no test subset to compare with"):
        calibrate_on(ours, RULE, not_in=[ours])


def test_real_training_faces_pass_and_real_test_faces_do_not(real_data: Path) -> None:
    tests = W300(real_data / "300w")
    found = calibrate_on(tests, RULE, count=16)
    assert found.as_json()["compared_with"] == {"300w": 554}
    leaked = Kept(copies(tests.samples("common")[:12]), "train")
    with pytest.raises(DataError, match=r"innocent\d+ shows"):
        calibrate_on(leaked, RULE, not_in=[tests])
