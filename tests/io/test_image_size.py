"""The size of a picture is known before it is decoded, and EXIF orientation is applied."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import PictureError
from asmnet_edge.io import images
from asmnet_edge.io.images import KINDS, decode_image, encode_image, stated_size
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.landmarker import FaceLandmarker

PICTURE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


@pytest.mark.parametrize("suffix", images.SUFFIXES)
def test_every_kind_states_its_size(suffix: str) -> None:
    assert stated_size(encode_image(PICTURE, suffix)) == (53, 37)


@pytest.mark.parametrize(
    ("suffix", "parameters"),
    [
        (".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),  # lossless
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 60]),
    ],
)
def test_related_formats_state_their_size_too(suffix: str, parameters: list[int]) -> None:
    assert stated_size(cv2.imencode(suffix, PICTURE, parameters)[1].tobytes()) == (53, 37)


def test_a_transparent_webp_states_its_size() -> None:
    clear = np.dstack([PICTURE, PICTURE[..., 0]])
    content = cv2.imencode(".webp", clear, [cv2.IMWRITE_WEBP_QUALITY, 60])[1].tobytes()
    assert stated_size(content) == (53, 37)


def test_a_bmp_stored_from_the_top_states_its_size() -> None:
    content = bytearray(encode_image(PICTURE, ".bmp"))
    struct.pack_into("<i", content, 22, -37)
    assert stated_size(bytes(content)) == (53, 37)


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=200))
def test_any_bytes_give_a_size_or_none(start: bytes, rest: bytes) -> None:
    size = stated_size(start + rest)
    assert size is None or len(size) == 2


def test_a_decompression_bomb_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 60000 x 60000 in a few bytes: eleven gigabytes once decoded
    content = bytearray(encode_image(PICTURE, ".png"))
    struct.pack_into(">II", content, 16, 60_000, 60_000)
    monkeypatch.setattr(images.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PictureError, match="bomb.png has 60000 x 60000 pixels; at most"):
        decode_image(bytes(content), "bomb.png")


@pytest.mark.parametrize("content", [b"GIF89a" + bytes(50), b"P6 1 1 255 abc", b"%PDF-1.7"])
def test_unknown_formats_reach_no_decoder(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images.cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PictureError, match="not a picture that can be decoded"):
        decode_image(content, "strange")


# EXIF (CIPA DC-008, 4.6.4): how the stored picture comes from the upright one
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """``jpeg`` with an EXIF segment of one entry: tag 0x112, one SHORT."""
    entry = struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def png_with_orientation(png: bytes, orientation: int) -> bytes:
    """``png`` with the same in a chunk eXIf, after its header (PNG specification, 3rd edition)."""
    entry = struct.pack("<HHIHH", 0x112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    body = b"eXIf" + tiff
    chunk = struct.pack(">I", len(tiff)) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]


@pytest.mark.parametrize("orientation", STORED)
def test_lossless_pictures_are_turned_exactly(orientation: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation](PICTURE))
    content = png_with_orientation(encode_image(stored, ".png"), orientation)
    np.testing.assert_array_equal(decode_image(content, "photo.png"), PICTURE)


@pytest.mark.parametrize("orientation", STORED)
def test_all_orientations_give_the_same_landmarks(orientation: int, tmp_path: Path) -> None:
    # a detector's box jumps with a JPEG's losses, which depend on how it lies: one box for all
    drawn = draw_face(1)
    upright, box = drawn.picture, drawn.landmarks.box
    landmarker = FaceLandmarker.open()
    expected = landmarker.landmarks(upright, box).landmarks.points
    stored = np.ascontiguousarray(STORED[orientation](upright))
    path = tmp_path / "photo.jpg"
    path.write_bytes(with_orientation(encode_image(stored, ".jpg", 98), orientation))
    found = landmarker.landmarks(images.read_image(path), box).landmarks.points
    assert np.linalg.norm(found - expected, axis=1).max() < 0.5


def tiff_of(*entries: tuple[int, int, int, int]) -> bytes:
    """A TIFF's first directory: tag, type, count, value of each entry."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + bytes(4)


@pytest.mark.parametrize(
    ("entries", "size"),
    [
        ([(256, 4, 1, 640), (257, 3, 1, 480)], (640, 480)),
        ([(256, 4, 1, 60_000), (256, 4, 1, 8), (257, 4, 1, 8)], None),  # ambiguous
        ([(256, 1, 1, 255), (256, 4, 1, 8), (257, 4, 1, 8)], None),
        ([(256, 16, 1, 60_000), (257, 4, 1, 8)], None),
        ([(256, 4, 2, 60_000), (257, 4, 1, 8)], None),
    ],
)
def test_a_tiff_that_states_a_side_ambiguously_is_refused(
    entries: list[tuple[int, int, int, int]], size: tuple[int, int] | None
) -> None:
    assert stated_size(tiff_of(*entries)) == size
