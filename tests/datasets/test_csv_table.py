"""A CSV of landmarks beside a folder of pictures."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.datasets.csv_table import LandmarkTable
from asmnet_edge.datasets.splits import split
from asmnet_edge.errors import DataError, PictureError
from asmnet_edge.geometry.schemes import IBUG68, WFLW98


def header(points: int) -> str:
    return ",".join(["image", *(f"{axis}{i}" for i in range(points) for axis in "xy")])


def row(name: str, points: np.ndarray) -> str:
    return ",".join([name, *(f"{value}" for value in np.ravel(points))])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., LandmarkTable]:
    def write(*lines: str) -> LandmarkTable:
        (tmp_path / "faces.csv").write_text("\n".join(lines) + "\n")
        return LandmarkTable(tmp_path / "faces.csv")

    return write


def test_a_face_is_read_with_its_picture(
    tmp_path: Path, write: Callable, face_points: Callable
) -> None:
    (tmp_path / "faces").mkdir()
    cv2.imwrite(str(tmp_path / "faces" / "ann_1.png"), np.full((20, 30, 3), 9, np.uint8))
    table = write(header(68), row("ann_1.png", face_points()))
    sample = table.samples("train")[0]
    assert table.scheme is sample.landmarks.scheme is IBUG68
    np.testing.assert_allclose(sample.landmarks.points, face_points())  # counted from 0 already
    assert sample.load().shape == (20, 30, 3)
    assert (sample.name, sample.pose) == ("ann_1.png", None)


def test_98_points_are_another_scheme(write: Callable) -> None:
    assert write(header(98), row("a.png", np.zeros((98, 2)))).scheme is WFLW98


def test_frames_of_one_video_share_an_identity(write: Callable) -> None:
    points = np.zeros((68, 2))
    rows = [row(name, points) for name in ("Ann_Lee_1.jpg", "Ann_Lee_22.jpg", "Bob_1.jpg")]
    one, two, three = (s.identity for s in write(header(68), *rows).samples("train"))
    assert one == two != three


def identities(table: LandmarkTable) -> list[str]:
    return [sample.identity for sample in table.samples("train")]


def test_numbered_photos_are_an_identity_each_so_that_some_can_validate(write: Callable) -> None:
    rows = [row(f"IMG_{k:04d}.jpg", np.zeros((68, 2))) for k in range(200)]
    table = write(header(68), *rows)
    assert identities(table) == [f"IMG_{k:04d}" for k in range(200)]
    train, validates = split(identities(table))
    assert len(train) > 150 and len(validates) > 2


def test_folders_distinguish_faces_of_one_number(write: Callable) -> None:
    names = ("alice/000.jpg", "bob/000.jpg", "bob/film_1.jpg", "bob/film_2.png")
    table = write(header(68), *(row(name, np.zeros((68, 2))) for name in names))
    assert identities(table) == ["alice/000", "bob/000", "bob/film", "bob/film"]


@pytest.mark.parametrize("place", [0, 1, 70, 137])
def test_a_column_of_identities_wins_wherever_it_stands(write: Callable, place: int) -> None:
    def with_identity(line: str, identity: str) -> str:
        cells = line.split(",")
        return ",".join([*cells[:place], identity, *cells[place:]])

    points = np.arange(136.0).reshape(68, 2)
    people = {"a_1.jpg": "ann", "b_1.jpg": " ann ", "c_1.jpg": "bob", "d_1.jpg": ""}
    rows = [with_identity(row(name, points), who) for name, who in people.items()]
    table = write(with_identity(header(68), "identity"), *rows)
    errors: list[DataError] = []
    samples = table.samples("train", errors.append)
    assert [(s.name, s.identity) for s in samples] == [
        ("a_1.jpg", "ann"),
        ("b_1.jpg", "ann"),
        ("c_1.jpg", "bob"),
    ]
    np.testing.assert_array_equal(samples[0].landmarks.points, points)
    assert [str(error).split(", ")[1] for error in errors] == ["line 5: its identity is empty"]


def test_a_byte_order_mark_is_no_part_of_a_header(tmp_path: Path) -> None:
    lines = [f"identity,{header(68)}", f"ann,{row('a.jpg', np.zeros((68, 2)))}"]
    (tmp_path / "faces.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    assert identities(LandmarkTable(tmp_path / "faces.csv")) == ["ann"]


@pytest.mark.parametrize("name", ["../secret.jpg", "a/../../secret.jpg", "/etc/secret.jpg", ".."])
def test_a_picture_outside_the_folder_is_refused_with_its_line(write: Callable, name: str) -> None:
    points = np.zeros((68, 2))
    table = write(header(68), row("a/../b.jpg", points), row(name, points))
    with pytest.raises(DataError, match=r"faces\.csv, line 3: .*secret|'\.\.'.* leaves .*faces"):
        table.samples("train")
    assert len(table.samples("train", lambda error: None)) == 1


# exact pose


def test_a_pose_beside_the_table_is_exact_picture_by_picture(
    tmp_path: Path, write: Callable
) -> None:
    rows = [row(name, np.zeros((68, 2))) for name in ("a.jpg", "b.jpg", "c.jpg", "c.jpg")]
    lines = ["image,yaw,pitch,roll", "c.jpg,1,2,3", "b.jpg,-10,2.5,3", "other.jpg,x"]
    (tmp_path / "pose.csv").write_text("\n".join(lines))
    a, b, *both = write(header(68), *rows).samples("train")
    assert a.pose is None
    np.testing.assert_array_equal(b.pose, [-10, 2.5, 3])
    assert [face.pose for face in both] == [None, None]  # one name does not distinguish two faces


@pytest.mark.parametrize("wrong", ["1,2", "1,2,3,4", "1,2,x", "1,2,nan", ""])
def test_a_pose_that_is_none_is_a_broken_face(tmp_path: Path, write: Callable, wrong: str) -> None:
    (tmp_path / "pose.csv").write_text(f"image,yaw,pitch,roll\na.jpg,{wrong}\n")
    with pytest.raises(DataError, match=r"pose\.csv, line 2: expected 3 angles in degrees"):
        write(header(68), row("a.jpg", np.zeros((68, 2)))).samples("train")


def test_a_pose_file_of_another_kind_is_skipped(tmp_path: Path, write: Callable) -> None:
    (tmp_path / "pose.csv").write_text("frame,x,y,z\na.jpg,1,2,3\n")
    assert write(header(68), row("a.jpg", np.zeros((68, 2)))).samples("train")[0].pose is None


def test_a_drawn_face_is_marked(write: Callable) -> None:
    rows = [f"{row(f'{k}.png', np.zeros((68, 2)))},{mark}" for k, mark in enumerate("10x")]
    errors: list[DataError] = []
    samples = write(f"{header(68)},drawn", *rows).samples("train", errors.append)
    assert [sample.drawn for sample in samples] == [True, False]
    assert ["line 4: drawn must be 0 or 1, got 'x'" in str(error) for error in errors] == [True]


def test_faces_keep_the_order_of_the_file(write: Callable) -> None:
    rows = [row(name, np.zeros((68, 2))) for name in ("c.jpg", "a.jpg", "b.jpg")]
    names = [sample.name for sample in write(header(68), *rows).samples("train")]
    assert names == ["c.jpg", "a.jpg", "b.jpg"]


def test_train_is_the_only_subset(write: Callable) -> None:
    table = write(header(68), row("a.jpg", np.zeros((68, 2))))
    assert list(table.subsets) == ["train"]
    with pytest.raises(DataError, match=r"no subset 'test'.*Known: train"):
        table.samples("test")


@pytest.mark.parametrize("change", [lambda r: r + ",5", lambda r: r[:-4], lambda r: r + "x"])
def test_the_wrong_line_is_named(write: Callable, change: Callable[[str], str]) -> None:
    good = row("a.jpg", np.ones((68, 2)))
    table = write(header(68), good, change(good), good)
    with pytest.raises(DataError, match=r"faces\.csv, line 3: "):
        table.samples("train")


def test_a_missing_value_is_named(write: Callable) -> None:
    points = np.ones((68, 2))
    points[5] = np.nan
    with pytest.raises(DataError, match="line 2: point 5 is not finite"):
        write(header(68), row("a.jpg", points)).samples("train")


@pytest.mark.parametrize("change", [lambda r: r + ",5", lambda r: r[:-4], lambda r: r + "x"])
def test_a_broken_row_is_left_out_where_the_caller_allows_it(
    write: Callable, change: Callable[[str], str]
) -> None:
    rows = [row(f"{k}.jpg", np.ones((68, 2))) for k in range(3)]
    errors: list[DataError] = []
    table = write(header(68), rows[0], change(rows[1]), rows[2])
    samples = table.samples("train", errors.append)
    assert [sample.name for sample in samples] == ["0.jpg", "2.jpg"]
    assert ["faces.csv, line 3: " in str(error) for error in errors] == [True]


def test_blank_lines_do_not_matter_but_are_counted(write: Callable) -> None:
    good = row("a.jpg", np.ones((68, 2)))
    assert len(write(header(68), "", good, "").samples("train")) == 1
    with pytest.raises(DataError, match="line 4: expected 137 fields, got 3"):
        write(header(68), "", good, "b.jpg,1,2").samples("train")


def test_two_faces_of_one_picture_have_two_names(write: Callable) -> None:
    good = row("a.jpg", np.ones((68, 2)))
    one, two = write(header(68), good, good).samples("train")
    assert (one.name, two.name) == ("a.jpg#2", "a.jpg#3")
    assert one.identity == two.identity


@pytest.mark.parametrize("lines", [[""], [header(68)], ["image", "a.jpg"]])
def test_a_table_without_faces_states_what_is_expected(write: Callable, lines: list[str]) -> None:
    with pytest.raises(DataError, match=r"holds no faces.*image,x0,y0"):
        write(*lines)


def test_a_count_of_no_scheme_is_a_data_error_that_names_the_file(write: Callable) -> None:
    with pytest.raises(DataError, match=r"faces\.csv.*5 points"):
        write(header(5), row("a.jpg", np.zeros((5, 2))))


def test_a_table_that_is_not_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    with pytest.raises(DataError, match=r"faces\.csv"):
        LandmarkTable(tmp_path / "faces.csv")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*gone\.csv: No such file"):
        LandmarkTable(tmp_path / "gone.csv")


def test_a_missing_picture_is_reported_when_it_is_loaded(write: Callable) -> None:
    sample = write(header(68), row("gone.jpg", np.zeros((68, 2)))).samples("train")[0]
    with pytest.raises(PictureError, match=r"faces.gone\.jpg"):
        sample.load()


def test_the_real_table_has_3462_faces(real_data: Path) -> None:
    # docs/facts.md
    samples = LandmarkTable(real_data / "ytf" / "train.csv").samples("train")
    assert len(samples) == 3462
    assert len({sample.name for sample in samples}) == 3462
    # frames of one video, named <video>_<number>.jpg, belong to one person
    assert all(s.identity == s.name.rsplit("_", 1)[0] for s in samples)
    assert 100 < len({sample.identity for sample in samples}) < 3462
    assert samples[0].load().ndim == 3
