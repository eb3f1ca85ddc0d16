"""Pictures in and out, and what is said about those that are none."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.errors import PictureError
from asmnet_edge.pictures import (
    MAX_FILE_BYTES,
    SUFFIXES,
    decode_picture,
    encode_picture,
    read_picture,
    write_picture,
)


@pytest.fixture
def corner() -> np.ndarray:
    """Black, 40 x 24 pixels, blue in the upper left."""
    picture = np.zeros((24, 40, 3), np.uint8)
    picture[:12, :20] = [255, 0, 0]
    return picture


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff"])
def test_lossless_formats_give_every_pixel_back(
    corner: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    write_picture(tmp_path / f"corner{suffix}", corner)
    assert (read_picture(tmp_path / f"corner{suffix}") == corner).all()


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".JPG"])
def test_every_format_keeps_colours_and_sides(
    corner: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    write_picture(tmp_path / f"corner{suffix}", corner)
    read = read_picture(tmp_path / f"corner{suffix}").astype(int)
    assert read.shape == corner.shape
    assert np.abs(read - corner)[4:8, 4:16].max() < 40  # amid the blue
    assert read[16:, 24:].max() < 40


def test_less_quality_makes_a_smaller_file() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(encode_picture(picture, ".jpg", 30)) < len(encode_picture(picture, ".jpg", 95))


def test_grey_pictures_are_read_with_three_channels(tmp_path: Path) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    (tmp_path / "grey.png").write_bytes(encode_picture(grey, ".png"))
    assert (read_picture(tmp_path / "grey.png") == grey[..., None]).all()


def test_a_picture_lying_on_its_side_is_turned_upright(corner: np.ndarray) -> None:
    # Exif 2.3, tag 0x0112: 6 means that it must be turned a quarter clockwise to be seen
    orientation = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01" + orientation + b"\x00\x00\x00\x00"
    segment = b"Exif\x00\x00" + tiff
    plain = encode_picture(corner, ".jpg")
    marked = plain[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + plain[2:]
    upright = decode_picture(marked, "phone.jpg")
    expected = cv2.rotate(decode_picture(plain, "corner.jpg"), cv2.ROTATE_90_CLOCKWISE)
    assert (upright == expected).all()


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"gone\.jpg: No such file"):
        read_picture(tmp_path / "gone.jpg")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="cannot read the picture"):
        read_picture(tmp_path)


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"empty\.png is empty"):
        read_picture(tmp_path / "empty.png")


def test_text_is_no_picture() -> None:
    with pytest.raises(PictureError, match=r"letter\.jpg is not a picture.*\.png"):
        decode_picture(b"Dear Sir or Madam", "letter.jpg")


def test_a_huge_file_is_not_even_opened(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no room
    with pytest.raises(PictureError, match="at most 268,435,456 are read"):
        read_picture(tmp_path / "huge.png")


@pytest.mark.parametrize("suffix", [".gif", "", ".keras"])
def test_an_unknown_format_lists_the_known(corner: np.ndarray, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(PictureError, match=r"cannot write .*Known: \.jpg"):
        write_picture(tmp_path / f"corner{suffix}", corner)
    assert not list(tmp_path.iterdir())


def test_a_picture_without_pixels_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        write_picture(tmp_path / "none.png", np.zeros((0, 0, 3), np.uint8))
