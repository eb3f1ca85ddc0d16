"""Drawn frames into a film."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asmnet_edge.errors import UsageError
from asmnet_edge.pictures import Picture


class FilmWriter:
    """OpenCV's ``writer``, which does not say when the disk is full; written : frames so far."""

    def __init__(self, writer: Any) -> None:
        self._writer, self.written = writer, 0

    def write(self, picture: Picture) -> None:
        """One frame more, (H, W, 3) BGR of the film's size; one of another size would be lost."""
        self._writer.write(picture)
        self.written += 1


@contextmanager
def film_writer(path: Path, rate: float, size: tuple[int, int]) -> Iterator[FilmWriter]:
    """Writes a film of ``size`` (width, height) to ``path``, as MPEG-4; no sound.

    `UsageError` if not all frames came to lie there.
    """
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    if not writer.isOpened():
        raise UsageError(f"cannot write a video of {size[0]}x{size[1]} to {path}")
    film = FilmWriter(writer)
    try:
        yield film
    finally:
        writer.release()
    if film.written and (there := _frames_in(path)) < film.written:
        raise UsageError(
            f"{path.name} cannot be written: {there} of {film.written} frames came to lie in it",
            "Make room on the disk, or give --no-drawing",
        )


def _frames_in(path: Path) -> int:
    import cv2

    return max(0, int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)))
