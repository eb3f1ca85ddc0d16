"""300W: which folders make which subset, and who is the same person."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.datasets.pack import make_pack
from asmnet_edge.datasets.sample import Missing
from asmnet_edge.datasets.splits import same_faces, thumbnail
from asmnet_edge.datasets.w300 import PARTS, W300
from asmnet_edge.errors import DataError, NotAFaceError
from asmnet_edge.geometry.schemes import IBUG68

FOLDERS = ("afw", "helen/trainset", "lfpw/trainset", "helen/testset", "lfpw/testset", "ibug")


def write_points(path: Path, points: np.ndarray) -> None:
    lines = [f"{x} {y}" for x, y in points + 1]  # files count from 1
    path.write_text("\n".join(["version: 1", f"n_points: {len(points)}", "{", *lines, "}"]))


@pytest.fixture
def add_face(tmp_path: Path, face_points: Callable) -> Callable[[str], None]:
    """Adds the face of that name, such as ``afw/1_1``, to the 300W in ``tmp_path``."""

    def add(name: str, suffix: str = ".png") -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_points(path.with_suffix(".pts"), face_points())
        cv2.imwrite(str(path.with_suffix(suffix)), np.full((256, 256, 3), 50, np.uint8))

    return add


@pytest.fixture
def whole(tmp_path: Path, add_face: Callable) -> W300:
    for folder in FOLDERS:
        add_face(f"{folder}/7_1")
    return W300(tmp_path)


def names(dataset: W300, subset: str) -> list[str]:
    return [sample.name for sample in dataset.samples(subset)]


def test_subsets_are_those_of_the_protocol(whole: W300) -> None:
    # Sagonas et al., ICCVW 2013: common = HELEN + LFPW test, challenging = iBUG, full = both
    assert names(whole, "train") == ["afw/7_1", "helen/trainset/7_1", "lfpw/trainset/7_1"]
    assert names(whole, "common") == ["helen/testset/7_1", "lfpw/testset/7_1"]
    assert names(whole, "challenging") == ["ibug/7_1"]
    assert names(whole, "full") == names(whole, "common") + names(whole, "challenging")
    assert list(whole.subsets) == ["train", "common", "challenging", "full"]


def test_training_and_testing_share_no_folder() -> None:
    assert not set(PARTS["train"]) & set(PARTS["full"])


def test_a_sample_knows_its_points_and_its_picture(whole: W300, face_points: Callable) -> None:
    sample = whole.samples("challenging")[0]
    assert sample.landmarks.scheme is IBUG68
    np.testing.assert_allclose(sample.landmarks.points, face_points())
    assert sample.load().shape == (256, 256, 3)
    assert sample.pose is None


def test_faces_of_one_photo_share_an_identity(tmp_path: Path, add_face: Callable) -> None:
    for name in ("afw/1051618982_1", "afw/1051618982_2", "afw/2353849_1"):
        add_face(name)
    one, two, three = (sample.identity for sample in W300(tmp_path).samples("train"))
    assert one == two != three


def test_lfpw_has_one_face_a_photo(tmp_path: Path, add_face: Callable) -> None:
    add_face("lfpw/trainset/image_0001")
    add_face("lfpw/trainset/image_0002")
    one, two = (sample.identity for sample in W300(tmp_path).samples("train"))
    assert one != two


def test_faces_of_different_parts_are_different_people(whole: W300) -> None:
    assert len({sample.identity for sample in whole.samples("train")}) == 3


def test_faces_come_in_the_order_of_their_names(tmp_path: Path, add_face: Callable) -> None:
    for name in ("afw/b_1", "afw/c_1", "afw/a_1"):
        add_face(name)
    assert names(W300(tmp_path), "train") == ["afw/a_1", "afw/b_1", "afw/c_1"]


def test_training_goes_on_without_a_part(tmp_path: Path, add_face: Callable) -> None:
    add_face("afw/1_1")
    dataset = W300(tmp_path)
    assert names(dataset, "train") == ["afw/1_1"]
    assert list(dataset.subsets) == ["train"]


def test_what_lacks_is_named_with_its_official_size(tmp_path: Path, add_face: Callable) -> None:
    add_face("helen/testset/1_1")
    dataset = W300(tmp_path)
    assert names(dataset, "full") == ["helen/testset/1_1"]
    # 300W has 330 faces in HELEN test, 224 in LFPW test, 135 in iBUG
    lacking = [Missing("helen/testset", 329), Missing("lfpw/testset", 224), Missing("ibug", 135)]
    assert list(dataset.missing("full")) == lacking


def test_training_needs_some_part(tmp_path: Path, add_face: Callable) -> None:
    add_face("ibug/1_1")
    with pytest.raises(DataError, match="lacks afw, helen/trainset, lfpw/trainset"):
        W300(tmp_path).samples("train")


def test_an_unknown_subset_lists_the_known(whole: W300) -> None:
    with pytest.raises(DataError, match=r"no subset 'test'.*train, common, challenging, full"):
        whole.samples("test")


def test_another_folder_is_not_300w(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not look like 300W.*afw"):
        W300(tmp_path)


def test_an_empty_part_is_reported(tmp_path: Path) -> None:
    (tmp_path / "afw").mkdir()
    with pytest.raises(DataError, match=r"afw holds no \.pts file"):
        W300(tmp_path).samples("train")


def test_points_without_a_picture_are_reported(tmp_path: Path, add_face: Callable) -> None:
    add_face("afw/1_1")
    (tmp_path / "afw/1_1.png").unlink()
    with pytest.raises(DataError, match=r"1_1\.pts has no picture beside it"):
        W300(tmp_path).samples("train")


def test_98_points_are_not_300w(tmp_path: Path, add_face: Callable) -> None:
    add_face("afw/1_1")
    write_points(tmp_path / "afw/1_1.pts", np.arange(196.0).reshape(98, 2))
    with pytest.raises(DataError, match="has 98 points, 300W has 68"):
        W300(tmp_path).samples("train")


BROKEN = {
    "67 points": (lambda pts: write_points(pts, np.ones((67, 2))), "67 points"),
    "not a number": (
        lambda pts: write_points(pts, np.full((68, 2), np.nan)),
        "line 4: expected 'x y', got 'nan nan'",
    ),
    "xml": (
        lambda pts: pts.write_text('<?xml version="1.0"?>\n<dataset>\n'),
        "line 1: expected 'x y', got '<\\?xml",
    ),
    "cut off": (lambda pts: pts.write_bytes(pts.read_bytes()[:400]), "expected 'x y'|but holds"),
    "empty": (lambda pts: pts.write_text(""), "0 points"),
    "no picture": (lambda pts: pts.with_suffix(".png").unlink(), "no picture beside it"),
}


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_face_is_named_and_left_out_where_the_caller_allows_it(
    tmp_path: Path, add_face: Callable, damage: Callable[[Path], None], message: str
) -> None:
    for name in ("afw/1_1", "afw/2_1", "afw/3_1"):
        add_face(name)
    damage(tmp_path / "afw/2_1.pts")
    with pytest.raises(DataError, match=rf"2_1\.pts.*({message})"):
        W300(tmp_path).samples("train")
    errors: list[DataError] = []
    samples = W300(tmp_path).samples("train", errors.append)
    assert [sample.name for sample in samples] == ["afw/1_1", "afw/3_1"]
    assert ["2_1.pts" in str(error) for error in errors] == [True]


def test_an_empty_part_may_be_skipped(tmp_path: Path, add_face: Callable) -> None:
    add_face("helen/trainset/1_1")
    (tmp_path / "afw").mkdir()
    errors: list[DataError] = []
    samples = W300(tmp_path).samples("train", errors.append)
    assert [sample.name for sample in samples] == ["helen/trainset/1_1"]
    assert [str(error) for error in errors] == [f"{tmp_path / 'afw'} holds no .pts file"]
    assert isinstance(errors[0], NotAFaceError)  # its 337 faces are missing, none is broken


def test_a_subset_of_empty_parts_is_none_even_to_the_patient(tmp_path: Path) -> None:
    (tmp_path / "ibug").mkdir()
    with pytest.raises(DataError, match="lacks ibug, needed for 'challenging'"):
        W300(tmp_path).samples("challenging", lambda error: None)


# The counts of the pictures that the data folder holds: docs/facts.md
def test_the_real_training_set_has_2012_faces(real_data: Path) -> None:
    found = names(W300(real_data / "300w"), "train")
    assert len(found) == len(set(found)) == 2012
    counts = [sum(n.startswith(part) for n in found) for part in PARTS["train"]]
    assert counts == [337, 870, 805]


def test_the_real_common_set_has_554_faces(real_data: Path) -> None:
    found = names(W300(real_data / "300w"), "common")
    counts = [sum(n.startswith(part) for n in found) for part in PARTS["common"]]
    assert counts == [330, 224]


def test_the_real_ibug_folder_is_missing_and_named(real_data: Path) -> None:
    dataset = W300(real_data / "300w")
    with pytest.raises(DataError, match="lacks ibug, needed for 'challenging'"):
        dataset.samples("challenging")
    assert names(dataset, "full") == names(dataset, "common")
    assert list(dataset.missing("full")) == [Missing("ibug", 135)]
    assert list(dataset.missing("common")) == []
    assert list(dataset.subsets) == ["train", "common", "full"]


def test_real_faces_lie_in_their_pictures(real_data: Path) -> None:
    for sample in W300(real_data / "300w").samples("train")[::100]:
        height, width, _ = sample.load().shape
        x, y = sample.landmarks.box.centre
        assert 0.25 < x / width < 0.75
        assert 0.25 < y / height < 0.75


def test_training_faces_that_are_test_photos_too_are_marked(
    tmp_path: Path, add_face: Callable
) -> None:
    add_face("lfpw/trainset/image_0215")
    add_face("lfpw/trainset/image_0216")
    copy, other = W300(tmp_path).samples("train")
    assert (copy.in_test, other.in_test) == (True, False)
    assert make_pack([copy, other]).names == ("lfpw/trainset/image_0216",)


def test_the_marked_photos_are_those_that_look_like_test_photos(real_data: Path) -> None:
    dataset = W300(real_data / "300w")
    train = [s for s in dataset.samples("train") if s.name.startswith("lfpw")]
    test = [s for s in dataset.samples("common") if s.name.startswith("lfpw")]
    looks = [[thumbnail(s.load(), s.landmarks.box) for s in part] for part in (train, test)]
    found = {train[i].name for i, _, _ in same_faces(*looks)}
    assert found == {s.name for s in train if s.in_test}
