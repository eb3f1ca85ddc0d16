"""Reading and writing pictures, with the errors a person can act on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import PictureError
from asmnet_edge.files import write_atomically

Picture = NDArray[np.uint8]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
MAX_FILE_BYTES = 256 * 1024 * 1024


def read_picture(path: Path) -> Picture:
    """The picture at ``path`` as (H, W, 3) uint8 BGR, turned upright by its EXIF orientation."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise PictureError(f"{path} has {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
        return decode_picture(path.read_bytes(), str(path))
    except OSError as error:
        raise PictureError(f"cannot read the picture {path}: {error.strerror}") from error


def decode_picture(content: bytes, name: str) -> Picture:
    """Encoded picture bytes -> (H, W, 3) uint8 BGR; `PictureError` tells ``name``."""
    if not content:
        raise PictureError(f"the picture {name} is empty")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise PictureError(f"cannot decode the picture {name}: {error.err}") from error
    if picture is None:
        raise PictureError(
            f"{name} is not a picture that can be decoded", f"Known: {', '.join(SUFFIXES)}"
        )
    return picture  # type: ignore[return-value]


def encode_picture(picture: Picture, suffix: str, quality: int = 92) -> bytes:
    """(H, W, 3) BGR or (H, W) -> file content in the format of ``suffix``."""
    if suffix.lower() not in SUFFIXES:
        raise PictureError(f"cannot write a {suffix!r} picture", f"Known: {', '.join(SUFFIXES)}")
    try:
        done, content = cv2.imencode(suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error:
        done = False
    if not done:
        raise PictureError(f"cannot encode a picture of {picture.shape} as {suffix}")
    return content.tobytes()


def write_picture(path: Path, picture: Picture) -> None:
    """Write ``picture`` (H, W, 3) BGR in the format of the path's suffix, all or nothing."""
    write_atomically(path, encode_picture(picture, path.suffix))
