"""WFLW: what a line means, which subset it belongs to, and which error names a wrong line."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.sample import Missing
from asmnet_edge.datasets.wflw import ATTRIBUTES, FACES, FOLDER, WFLW
from asmnet_edge.errors import DataError, NotAFaceError
from asmnet_edge.geometry.pose import fit_pose, mean_face
from asmnet_edge.geometry.schemes import WFLW98

POINTS = np.arange(196.0).reshape(98, 2) / 2
NONE = (0, 0, 0, 0, 0, 0)
PICTURE = "0--Parade/0_Parade_1.png"


def line(points: np.ndarray = POINTS, flags: Sequence[int] = NONE, picture: str = PICTURE) -> str:
    box = ("3", "4", "80", "90")
    return " ".join([*(f"{value}" for value in np.ravel(points)), *box, *map(str, flags), picture])


def list_file(root: Path, part: str) -> Path:
    return root / FOLDER / f"list_98pt_rect_attr_{part}.txt"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., WFLW]:
    """Writes the lines of a list, test by default, and the picture they name."""

    def write(*lines: str, part: str = "test") -> WFLW:
        picture = tmp_path / "WFLW_images" / PICTURE
        picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(picture), np.full((120, 130, 3), 70, np.uint8))
        list_file(tmp_path, part).parent.mkdir(parents=True, exist_ok=True)
        list_file(tmp_path, part).write_text("\n".join(lines) + "\n")
        return WFLW(tmp_path)

    return write


def names(dataset: WFLW, subset: str) -> list[str]:
    return [sample.name for sample in dataset.samples(subset)]


def test_a_line_gives_points_from_0_and_its_picture(write: Callable) -> None:
    sample = write(line()).samples("test")[0]
    assert sample.landmarks.scheme is WFLW98
    np.testing.assert_allclose(sample.landmarks.points, POINTS)
    assert sample.load().shape == (120, 130, 3)
    assert sample.pose is None


def test_faces_of_one_picture_are_two_names_and_one_identity(write: Callable) -> None:
    one, two = write(line(), line(POINTS + 1)).samples("test")
    assert one.name != two.name
    assert one.identity == two.identity == PICTURE


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_flag_puts_a_face_into_its_subset(write: Callable, attribute: str) -> None:
    # WFLW's own list: pose expression illumination make-up occlusion blur
    order = ("largepose", "expression", "illumination", "makeup", "occlusion", "blur")
    flags = [int(other == attribute) for other in order]
    dataset = write(line(), line(flags=flags))
    assert names(dataset, attribute) == [f"test/{PICTURE}#2"]
    assert list(dataset.subsets) == ["test", attribute]


def test_flags_of_training_faces_make_no_subset(write: Callable) -> None:
    assert list(write(line(flags=(1, 1, 1, 1, 1, 1)), part="train").subsets) == ["train"]


def test_the_official_sizes_are_known() -> None:
    # Wu et al., CVPR 2018; the attributes as Wang et al. (HRNet, TPAMI 2019) give them
    sizes = (7500, 2500, 326, 314, 698, 206, 736, 773)
    assert tuple(FACES.items()) == tuple(zip(("train", "test", *ATTRIBUTES), sizes, strict=True))


def test_what_lacks_is_counted(write: Callable) -> None:
    dataset = write(line(), line(flags=(0, 0, 0, 1, 0, 0)))
    assert list(dataset.missing("test")) == [Missing("test", 2498)]
    assert list(dataset.missing("makeup")) == [Missing("makeup", 205)]
    assert list(dataset.missing("train")) == [Missing("train", 7500)]


def test_a_list_that_lacks_is_named_with_what_remains(write: Callable) -> None:
    expected = r"lacks .*list_98pt_rect_attr_train\.txt, needed for 'train'.*There: test"
    with pytest.raises(DataError, match=expected):
        write(line()).samples("train")


def test_a_subset_without_a_face_is_reported(write: Callable) -> None:
    with pytest.raises(DataError, match=r"attr_test\.txt holds no face of 'blur'.*There: test"):
        write(line()).samples("blur")


def test_an_unknown_subset_lists_the_known(write: Callable) -> None:
    with pytest.raises(DataError, match=r"no subset 'common'.*train, test, largepose"):
        write(line()).samples("common")


def test_another_folder_is_not_wflw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not look like WFLW.*list_98pt_rect_attr_train"):
        WFLW(tmp_path)


def test_a_list_that_is_no_text_is_reported(tmp_path: Path, write: Callable) -> None:
    write(line())
    list_file(tmp_path, "test").write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    with pytest.raises(DataError, match=r"attr_test\.txt is not a text file"):
        WFLW(tmp_path)


BROKEN = {
    "too few fields": (line(POINTS[:67]), "expected 207 fields, got 145"),
    "no number": (line().replace("0.5", "half", 1), "half"),
    "not a number": (line(POINTS * [[1, np.nan]]), "point 0 is not finite"),
    "no flag": (line(flags=(0, 0, 2, 0, 0, 0)), "six flags of 0 or 1"),
    "outside": (line(picture="../../x.jpg"), "path '../../x.jpg' leaves WFLW_images"),
    "absolute": (line(picture="/x.jpg"), "path '/x.jpg' leaves WFLW_images"),
    "no picture": (line(picture="gone.jpg"), r"there is no picture .*gone\.jpg"),
}


@pytest.mark.parametrize(("wrong", "message"), BROKEN.values(), ids=BROKEN)
def test_file_and_line_of_a_broken_face_are_named(
    write: Callable, wrong: str, message: str
) -> None:
    dataset = write(line(), wrong, line(), "")
    with pytest.raises(DataError, match=rf"attr_test\.txt, line 2: .*{message}"):
        dataset.samples("test")


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in BROKEN.values()], ids=BROKEN)
def test_a_broken_face_is_left_out_where_the_caller_allows_it(write: Callable, wrong: str) -> None:
    errors: list[DataError] = []
    samples = write(line(), wrong, line()).samples("test", errors.append)
    assert [sample.name for sample in samples] == [f"test/{PICTURE}#1", f"test/{PICTURE}#3"]
    assert len(errors) == 1


def test_a_line_of_unknown_attributes_is_not_skipped_in_silence(write: Callable) -> None:
    dataset = write(line(flags=(0, 0, 0, 0, 0, 1)), "1 2 3")
    with pytest.raises(DataError, match="line 2: expected 207 fields, got 3"):
        dataset.samples("blur")
    assert list(dataset.subsets) == ["test", "blur"]
    assert list(dataset.missing("makeup")) == [Missing("makeup", 206)]


def test_a_line_of_unknown_attributes_is_a_broken_face_of_its_list_alone(write: Callable) -> None:
    dataset = write(line(flags=(0, 0, 0, 0, 0, 1)), line(flags=(0, 0, 2, 0, 0, 0)))
    for subset, is_face in (("test", True), ("blur", False)):
        errors: list[DataError] = []
        assert len(dataset.samples(subset, errors.append)) == 1
        (error,) = errors
        assert "line 2: expected six flags of 0 or 1" in str(error)
        assert isinstance(error, NotAFaceError) is not is_face
    # faces, broken ones and missing ones make the official size
    assert dataset.missing("test")[0].faces + 1 + 1 == FACES["test"]
    assert dataset.missing("blur")[0].faces + 1 == FACES["blur"]


def test_the_command_line_knows_it(tmp_path: Path, write: Callable) -> None:
    write(line())
    assert names(open_dataset(f"wflw:{tmp_path}"), "test") == [f"test/{PICTURE}#1"]


def test_the_real_copy_has_four_test_faces(real_data: Path) -> None:
    # docs/facts.md: two pictures, four faces, no flag known
    dataset = WFLW(real_data / "wflw_mini")
    samples = dataset.samples("test")
    assert len(samples) == 4
    assert len({sample.identity for sample in samples}) == 2
    assert list(dataset.subsets) == ["test"]
    for sample in samples:
        height, width, _ = sample.load().shape
        assert (sample.landmarks.points >= 0).all()
        assert (sample.landmarks.points <= [width - 1, height - 1]).all()


def test_real_poses_are_those_that_a_person_sees(real_data: Path) -> None:
    # by eye: all four look at the camera with lowered heads or faces; two lean right by some 20
    points = np.stack([s.landmarks.points for s in WFLW(real_data / "wflw_mini").samples("test")])
    pose = fit_pose(points, WFLW98)
    assert (np.abs(pose[:, 0]) < 20).all()
    assert ((pose[:, 1] > -30) & (pose[:, 1] < 5)).all()
    np.testing.assert_allclose(pose[:, 2], [-3, 21, 20, 6], atol=5)


def test_the_98_points_give_the_pose_that_68_of_them_give() -> None:
    points = np.full((98, 2), np.nan)  # those beside the 68 must not matter
    points[list(WFLW98.to_ibug68)] = mean_face()[:, :2]
    np.testing.assert_allclose(fit_pose(points[None], WFLW98), 0, atol=1e-3)
