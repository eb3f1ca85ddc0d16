"""Reading and writing of image files; broken files are rejected with an error that states why."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import PictureError
from asmnet_edge.io.files import write_atomically

Picture = NDArray[np.uint8]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_PIXELS = 100_000_000  # 300 MB once decoded
JPEG_START, JPEG_END = b"\xff\xd8", b"\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
# within a JPEG's pixels FF is followed by 00 or a restart marker; what else follows ends them
JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


def leads_out(name: str) -> bool:
    """Return whether the path ``name`` leaves its folder; lists of files may be malicious."""
    return os.path.isabs(name) or os.path.normpath(name).split(os.sep)[0] == os.pardir


def read_image(path: str | Path) -> Picture:
    """Read an image file as (H, W, 3) uint8 BGR, turned upright by its EXIF orientation.

    `PictureError` for a file that is missing, broken, cut off, or too large to decode.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise PictureError(f"{path} has {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
        return decode_image(path.read_bytes(), str(path))
    except OSError as error:
        raise PictureError(f"cannot read the picture {path}: {error.strerror}") from error


def decode_image(content: bytes, name: str) -> Picture:
    """Decode an image file's ``content`` to (H, W, 3) uint8 BGR; ``name`` is for errors.

    A JPEG or PNG that ends too early is refused: some decoders fill its rest with grey. Bytes after
    its end, as some cameras write them, do not matter. What states more than `MAX_PIXELS`, or not
    how large it is, is not decoded at all.
    """
    if not content:
        raise PictureError(f"the picture {name} is empty")
    if _is_cut_off(content):
        raise PictureError(f"the picture {name} is cut off", "Copy or download it once more")
    _check_stated_size(content, name)
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError(f"cannot decode the picture {name}: {error.err}") from error
    if picture is None:
        raise PictureError(
            f"{name} is not a picture that can be decoded", f"Known: {', '.join(SUFFIXES)}"
        )
    return picture  # type: ignore[return-value]


def _check_stated_size(content: bytes, name: str) -> None:
    size = stated_size(content)
    if size is None or min(size) < 1:
        raise PictureError(
            f"{name} is not a picture that can be decoded", f"Known: {', '.join(SUFFIXES)}"
        )
    if size[0] * size[1] > MAX_PIXELS:
        raise PictureError(
            f"{name} has {size[0]} x {size[1]} pixels; at most {MAX_PIXELS:,} are decoded",
            "Make it smaller first",
        )


def _is_cut_off(content: bytes) -> bool:
    if content.startswith(JPEG_START):
        return not _jpeg_ends(content)
    return content.startswith(PNG_START) and not _png_ends(content)


def _jpeg_ends(content: bytes) -> bool:
    """Return whether there is an end marker (ITU T.81, annex B) outside of segments.

    One within a segment may be that of a thumbnail. A segment is its marker, two bytes of length
    (themselves included) and content.
    """
    place = len(JPEG_START)
    while found := JPEG_MARKER.search(content, place):
        if found[1] == JPEG_END:
            return True
        place = found.end() + int.from_bytes(content[found.end() : found.end() + 2])
    return False


def _png_ends(content: bytes) -> bool:
    """Return whether there is a last chunk: each is its length, type, content and checksum."""
    place = len(PNG_START)
    while len(kind := content[place + 4 : place + 8]) == 4:
        if kind == PNG_END:
            return True
        place += 12 + int.from_bytes(content[place : place + 4])
    return False


def encode_image(picture: Picture, suffix: str, quality: int = 92) -> bytes:
    """Encode (H, W, 3) BGR or (H, W) uint8 as file content in the format of ``suffix``."""
    if suffix.lower() not in SUFFIXES:
        raise PictureError(f"cannot write a {suffix!r} picture", f"Known: {', '.join(SUFFIXES)}")
    # other formats complain about a quality that is not theirs
    is_jpeg = suffix.lower() in (".jpg", ".jpeg")
    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if is_jpeg else []
    try:
        done, content = cv2.imencode(suffix, picture, parameters)
    except cv2.error:
        done = False
    if not done:
        raise PictureError(f"cannot encode a picture of {picture.shape} as {suffix}")
    return content.tobytes()


def write_image(path: str | Path, picture: Picture) -> None:
    """Write ``picture`` (H, W, 3) uint8 BGR in the format of the path's suffix, all or nothing."""
    path = Path(path)
    write_atomically(path, encode_image(picture, path.suffix))


# Image size as a file's header states it, read before any decoder gets the file

Size = tuple[int, int]

# markers of a JPEG's frame header: all of C0 to CF but tables (C4, CC) and the reserved C8
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers that no length follows
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TIFF_NUMBERS = {3: "H", 4: "I"}  # type of a value -> how it is packed


def stated_size(content: bytes) -> Size | None:
    """Return the stated width and height of an encoded image; None if its format is unknown."""
    for start, read in KINDS.items():
        if content.startswith(start):
            try:
                return read(content)
            except (struct.error, IndexError):
                return None
    return None


def _jpeg(content: bytes) -> Size | None:
    """Of the first frame header (ITU T.81, B.2.2): length, precision, height, width."""
    place = 2
    while place + 4 <= len(content):
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker == 0xFF:  # fill
            place += 1
        elif marker in JPEG_ALONE:
            place += 2
        elif marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return width, height
        else:
            place += 2 + struct.unpack_from(">H", content, place + 2)[0]
    return None


def _png(content: bytes) -> Size | None:
    width, height = struct.unpack_from(">II", content, 16)
    return (width, height) if content[12:16] == b"IHDR" else None


def _bmp(content: bytes) -> Size | None:
    """Signed: a picture whose height is negative is stored from the top."""
    if struct.unpack_from("<I", content, 14)[0] == 12:  # the header of OS/2
        width, height = struct.unpack_from("<HH", content, 18)
        return width, height
    width, height = struct.unpack_from("<ii", content, 18)
    return abs(width), abs(height)


def _riff(content: bytes) -> Size | None:
    """WebP: lossy (RFC 6386, 9.1), lossless or extended (RFC 9649)."""
    kind = content[12:16]
    if content[8:12] != b"WEBP":
        return None
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return (int.from_bytes(content[24:27], "little") + 1,
                int.from_bytes(content[27:30], "little") + 1)  # fmt: skip
    return None


def _tiff(content: bytes) -> Size | None:
    """Of the first directory (TIFF 6.0, section 2): entries of tag, type, count and value.

    None where a side is stated twice, in an odd type or as several numbers: which of them a decoder
    would believe is not for us to guess.
    """
    order = "<" if content.startswith(b"II") else ">"
    place = struct.unpack_from(order + "I", content, 4)[0]
    found: dict[int, int] = {}
    for number in range(struct.unpack_from(order + "H", content, place)[0]):
        entry = place + 2 + 12 * number
        tag, kind, count = struct.unpack_from(order + "HHI", content, entry)
        if tag in (TIFF_WIDTH, TIFF_HEIGHT):
            if tag in found or kind not in TIFF_NUMBERS or count != 1:
                return None
            found[tag] = struct.unpack_from(order + TIFF_NUMBERS[kind], content, entry + 8)[0]
    return (found[TIFF_WIDTH], found[TIFF_HEIGHT]) if len(found) == 2 else None


# first bytes -> how the size is read
KINDS: Mapping[bytes, Callable[[bytes], Size | None]] = MappingProxyType(
    {
        b"\xff\xd8": _jpeg,
        b"\x89PNG\r\n\x1a\n": _png,
        b"BM": _bmp,
        b"RIFF": _riff,
        b"II*\0": _tiff,
        b"MM\0*": _tiff,
    }
)
