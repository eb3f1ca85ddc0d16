"""Reading and writing pictures, and the errors of broken ones."""

import contextlib
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import PictureError
from asmnet_edge.io.images import (
    MAX_FILE_BYTES,
    PNG_START,
    SUFFIXES,
    decode_image,
    encode_image,
    leads_out,
    read_image,
    write_image,
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
    write_image(tmp_path / f"corner{suffix}", corner)
    assert (read_image(tmp_path / f"corner{suffix}") == corner).all()


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".JPG"])
def test_every_format_keeps_colours_and_sides(
    corner: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    write_image(tmp_path / f"corner{suffix}", corner)
    read = read_image(tmp_path / f"corner{suffix}").astype(int)
    assert read.shape == corner.shape
    assert np.abs(read - corner)[4:8, 4:16].max() < 40  # amid the blue
    assert read[16:, 24:].max() < 40


def test_less_quality_makes_a_smaller_file() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(encode_image(picture, ".jpg", 30)) < len(encode_image(picture, ".jpg", 95))


def test_grey_pictures_are_read_with_three_channels(tmp_path: Path) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    (tmp_path / "grey.png").write_bytes(encode_image(grey, ".png"))
    assert (read_image(tmp_path / "grey.png") == grey[..., None]).all()


def test_a_picture_is_turned_upright_by_its_exif_data(corner: np.ndarray) -> None:
    # Exif 2.3, tag 0x0112: 6 means that it must be turned a quarter clockwise to be seen
    orientation = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    tiff = b"MM\x00\x2a\x00\x00\x00\x08\x00\x01" + orientation + b"\x00\x00\x00\x00"
    segment = b"Exif\x00\x00" + tiff
    plain = encode_image(corner, ".jpg")
    marked = plain[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + plain[2:]
    upright = decode_image(marked, "phone.jpg")
    expected = cv2.rotate(decode_image(plain, "corner.jpg"), cv2.ROTATE_90_CLOCKWISE)
    assert (upright == expected).all()


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"gone\.jpg: No such file"):
        read_image(tmp_path / "gone.jpg")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="cannot read the picture"):
        read_image(tmp_path)


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"empty\.png is empty"):
        read_image(tmp_path / "empty.png")


def test_text_is_no_picture() -> None:
    with pytest.raises(PictureError, match=r"letter\.jpg is not a picture.*\.png"):
        decode_image(b"Dear Sir or Madam", "letter.jpg")


@pytest.fixture(scope="module")
def leaves() -> np.ndarray:
    """A picture, 90 x 60 pixels, with something to see everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


WHOLE = {
    "JPEG": (".jpg", []),
    "progressive JPEG": (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
    "JPEG with restart markers": (".jpg", [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]),
    "PNG": (".png", []),
}


@pytest.mark.parametrize(("suffix", "options"), WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.99])
def test_a_picture_cut_off_anywhere_is_refused(
    leaves: np.ndarray, suffix: str, options: list[int], left: float
) -> None:
    content = cv2.imencode(suffix, leaves, options)[1].tobytes()
    assert decode_image(content, "whole").shape == leaves.shape
    with pytest.raises(PictureError, match=r"the picture half is cut off.*download"):
        decode_image(content[: int(left * len(content))], "half")
    with pytest.raises(PictureError, match="cut off"):
        decode_image(content[: -2 if suffix == ".jpg" else -12], "nearly whole")


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tif"])
def test_other_formats_cut_off_are_refused_as_well(leaves: np.ndarray, suffix: str) -> None:
    content = encode_image(leaves, suffix)
    with pytest.raises(PictureError, match="half"):
        decode_image(content[: len(content) // 2], "half")


@pytest.mark.parametrize(("suffix", "options"), WHOLE.values(), ids=WHOLE)
def test_bytes_after_the_end_do_not_matter(
    leaves: np.ndarray, suffix: str, options: list[int]
) -> None:
    content = cv2.imencode(suffix, leaves, options)[1].tobytes()
    plain = decode_image(content, "plain")
    for more in (b"\x00" * 40, b"\xff", content):
        assert (decode_image(content + more, "longer") == plain).all()


def test_the_end_of_a_thumbnail_is_not_the_end_of_its_picture(leaves: np.ndarray) -> None:
    content, thumbnail = (encode_image(p, ".jpg") for p in (leaves, leaves[:20, :20]))
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    whole = content[:2] + segment + content[2:]
    assert (decode_image(whole, "whole") == decode_image(content, "plain")).all()
    with pytest.raises(PictureError, match="cut off"):
        decode_image(whole[:-200], "half")


def test_a_chunk_that_contains_the_end_marker_is_not_the_end(leaves: np.ndarray) -> None:
    content = encode_image(leaves, ".png")
    text = b"tEXt" + b"Comment\x00IEND"
    chunk = (len(text) - 4).to_bytes(4) + text + zlib.crc32(text).to_bytes(4)
    whole = content[:33] + chunk + content[33:]  # after the signature and the header chunk
    assert (decode_image(whole, "whole") == leaves).all()
    with pytest.raises(PictureError, match="cut off"):
        decode_image(whole[:-12], "half")


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8", b"\xff\xd8\xff", PNG_START]))
def test_any_bytes_give_a_picture_or_our_error(content: bytes, start: bytes) -> None:
    with contextlib.suppress(PictureError):
        assert decode_image(start + content, "noise").ndim == 3


def test_all_real_pictures_are_whole(real_data: Path) -> None:
    pictures = sorted(p for p in real_data.rglob("*") if p.suffix in SUFFIXES)
    assert len(pictures) > 6000
    for path in pictures[::20]:
        assert read_image(path).ndim == 3


def test_a_huge_file_is_not_even_opened(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no room
    with pytest.raises(PictureError, match="at most 268,435,456 are read"):
        read_image(tmp_path / "huge.png")


@pytest.mark.parametrize("suffix", [".gif", "", ".keras"])
def test_unknown_formats_list_the_known_ones(
    corner: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    with pytest.raises(PictureError, match=r"cannot write .*Known: \.jpg"):
        write_image(tmp_path / f"corner{suffix}", corner)
    assert not list(tmp_path.iterdir())


def test_a_picture_without_pixels_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PictureError):
        write_image(tmp_path / "none.png", np.zeros((0, 0, 3), np.uint8))


@pytest.mark.parametrize("name", ["..", "../a.jpg", "a/../../b.jpg", "/a.jpg"])
def test_a_path_out_of_its_folder_is_recognised(name: str) -> None:
    assert leads_out(name)


@pytest.mark.parametrize("name", ["a.jpg", "a/b.jpg", "a/../b.jpg", "..a.jpg", "a/..b/c.jpg"])
def test_a_path_within_its_folder_is_fine(name: str) -> None:
    assert not leads_out(name)
