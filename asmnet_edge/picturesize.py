"""Image size as a file's header states it, read before any decoder gets the file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

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

    None where a side is told twice, in an odd type or as several numbers: which of them a decoder
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
