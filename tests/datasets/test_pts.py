"""The .pts format: counted from 1 in the file, from 0 in the program."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.datasets.pts import read_pts
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.schemes import IBUG68, WFLW98

HEADER = "version: 1\nn_points: {}\n{{\n"


def pairs(count: int, first: float = 1) -> str:
    """Points on a diagonal: "1 2", "2 3", ..."""
    return "".join(f"{first + i} {first + i + 1}\n" for i in range(count))


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a text as ``face.pts``."""

    def write(text: str, encoding: str = "ascii") -> Path:
        path = tmp_path / "face.pts"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_the_first_pixel_is_0(write: Write) -> None:
    landmarks = read_pts(write(HEADER.format(68) + pairs(68) + "}\n"))
    assert landmarks.scheme is IBUG68
    assert landmarks.points[:2].tolist() == [[0, 1], [1, 2]]
    assert landmarks.points[67].tolist() == [67, 68]


def test_98_points_are_another_scheme(write: Write) -> None:
    assert read_pts(write(HEADER.format(98) + pairs(98) + "}")).scheme is WFLW98


def test_pairs_alone_will_do(write: Write) -> None:
    assert read_pts(write(pairs(68))).points[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "version:1\nn_points:68\n{\n" + pairs(68) + "}",
        "\n  version: 1 \n\n n_points:  68 \n {\n" + pairs(68).replace("\n", "  \n\n") + " }\n\n",
        (HEADER.format(68) + pairs(68) + "}\n").replace("\n", "\r\n"),
        HEADER.format(68) + pairs(68).replace(" ", "\t") + "}",
    ],
    ids=["no spaces", "blank lines", "windows", "tabs"],
)
def test_white_space_does_not_matter(write: Write, text: str) -> None:
    assert read_pts(write(text)).points[67].tolist() == [67, 68]


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=68, max_size=68))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[float, float]]
) -> None:
    path = tmp_path_factory.mktemp("pts") / "face.pts"
    lines = [f"{x!r} {y!r}" for x, y in points]
    path.write_text("\n".join(["version: 1", "n_points: 68", "{", *lines, "}"]))
    assert (read_pts(path).points == np.array(points) - 1).all()


def test_a_count_that_is_not_kept_is_reported(write: Write) -> None:
    with pytest.raises(DataError, match="'n_points: 68' but holds 67 points"):
        read_pts(write(HEADER.format(68) + pairs(67) + "}"))


@pytest.mark.parametrize("bad", ["1 2 3", "7", "one two", "1,2"])
def test_the_wrong_line_is_named(write: Write, bad: str) -> None:
    text = HEADER.format(68) + pairs(10) + bad + "\n" + pairs(57) + "}"
    with pytest.raises(DataError, match=rf"face\.pts, line 14: expected 'x y', got '{bad}'"):
        read_pts(write(text))


def test_a_point_that_is_no_number_is_named(write: Write) -> None:
    with pytest.raises(DataError, match=r"face\.pts, line 4: expected 'x y', got 'nan 5'"):
        read_pts(write(pairs(3) + "nan 5\n" + pairs(64)))


@pytest.mark.parametrize("count", [0, 5])
def test_a_count_of_no_scheme_is_a_data_error_that_names_the_file(write: Write, count: int) -> None:
    with pytest.raises(DataError, match=rf"face\.pts.*{count} points"):
        read_pts(write(HEADER.format(count) + pairs(count) + "}"))


def test_a_picture_is_no_pts_file(write: Write) -> None:
    with pytest.raises(DataError, match=r"is not a \.pts text file"):
        read_pts(write("\xff\xd8\xff\xe0 JFIF", "latin-1"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*gone\.pts: No such file"):
        read_pts(tmp_path / "gone.pts")
