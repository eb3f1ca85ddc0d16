"""Sinks for the faces of a frame: tables, annotated images and annotated videos.

A table is CSV, with one row for each face, or JSON lines, with one line for each image.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TextIO

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.io.drawing import draw_landmarks, draw_pose
from asmnet_edge.io.files import make_folder
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.landmarker import Face

Write = Callable[[Mapping[str, Any], Sequence[Face]], None]
SUFFIXES = (".csv", ".jsonl")
BOX = ("x", "y", "width", "height")


@contextmanager
def open_records(path: Path, append: bool = False) -> Iterator[Write]:
    """Open a table, .csv or .jsonl, and yield a function that writes an image's facts and faces.

    append : continue an existing file, as after a power cut; an incomplete last line is removed
    Each line is flushed at once: a recording that is cut off keeps all lines before.
    `UsageError`, here and from that function, where the file cannot be written.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"faces cannot be written to {path}", f"Known: {', '.join(SUFFIXES)}")
    make_folder(path.parent)
    file, header = _opened(path, append)
    write = _csv(file, header) if path.suffix == ".csv" else _json_lines(file)

    def guarded(facts: Mapping[str, Any], faces: Sequence[Face]) -> None:
        try:
            write(facts, faces)
        except OSError as error:
            raise _failed(path, error) from error

    try:
        yield guarded
    finally:
        with suppress(OSError):  # a failed write was reported already
            file.close()


def until_it_fails(write: Write, log: Callable[[str], None]) -> Write:
    """Wrap ``write``: after its first error, which is logged, the wrapper does nothing."""
    works = True

    def guarded(facts: Mapping[str, Any], faces: Sequence[Face]) -> None:
        nonlocal works
        try:
            if works:
                write(facts, faces)
        except UsageError as error:
            works = False
            log(f"{error}; going on without recording")

    return guarded


def _failed(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {path}: {error.strerror or error}")


def _opened(path: Path, append: bool) -> tuple[TextIO, list[str]]:
    """Open the file; return it and the columns that it has already."""
    try:
        header = _whole_lines(path) if append and path.exists() else ""
        mode: Literal["a", "w"] = "a" if append else "w"
        file = path.open(mode, encoding="utf-8", newline="", buffering=1)
    except OSError as error:
        raise _failed(path, error) from error
    return file, next(csv.reader([header]), [])


def _whole_lines(path: Path) -> str:
    """Truncate the file after its last whole line; return the first line."""
    with path.open("rb+") as file:
        place = file.seek(0, os.SEEK_END)
        while place > 0:
            start = max(0, place - 2**16)
            file.seek(start)
            if (end := file.read(place - start).rfind(b"\n")) >= 0:
                place = start + end + 1
                break
            place = start
        file.truncate(place)
        file.seek(0)
        return file.readline().decode(errors="replace").rstrip("\n")


def _json_lines(file: TextIO) -> Write:
    def write(facts: Mapping[str, Any], faces: Sequence[Face]) -> None:
        file.write(json.dumps({**facts, "faces": [face.as_json() for face in faces]}) + "\n")

    return write


def _csv(file: TextIO, header: list[str]) -> Write:
    """Return a writer of rows; the first face adds the header, as it depends on the points.

    `UsageError` where the file has another ``header`` already.
    """
    table = csv.writer(file, lineterminator="\n")

    def write(facts: Mapping[str, Any], faces: Sequence[Face]) -> None:
        nonlocal header
        for number, face in enumerate(faces):
            if not header:
                header = _columns(facts, face)
                table.writerow(header)
            elif number == 0 and header != _columns(facts, face):
                raise UsageError(f"{file.name} has other columns", "Give another --records")
            table.writerow(_row(facts, face, number))

    return write


def _columns(facts: Mapping[str, Any], face: Face) -> list[str]:
    places = [f"{axis}{i}" for i in range(len(face.landmarks.points)) for axis in "xy"]
    return [*facts, "face", *BOX, "quality", *AXES, *places]


def _row(facts: Mapping[str, Any], face: Face, number: int) -> list[Any]:
    content = face.as_json()
    places = [value for point in content["landmarks"] for value in point]
    name = number if face.track is None else face.track
    angles = content["pose"].values()
    return [*facts.values(), name, *content["box"], content["quality"], *angles, *places]


# Annotated videos


class VideoWriter:
    """OpenCV's ``writer``, which reports no errors, and the number of frames given to it.

    size : (width, height) of the video; written : frames so far
    """

    def __init__(self, writer: Any, size: tuple[int, int]) -> None:
        self._writer, self.size, self.written = writer, size, 0

    def write(self, picture: Picture) -> None:
        """Add one frame, (H, W, 3) BGR; one of another size is stretched, not dropped."""
        import cv2

        if picture.shape[1::-1] != self.size:
            picture = cv2.resize(picture, self.size)  # type: ignore[assignment]
        self._writer.write(picture)
        self.written += 1


@contextmanager
def video_writer(path: Path, rate: float, size: tuple[int, int]) -> Iterator[VideoWriter]:
    """Write a video of ``size`` (width, height) to ``path`` as MPEG-4, without sound.

    rate : frames per second
    `UsageError` if the file does not hold all frames that were written, as on a full disk.
    """
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    if not writer.isOpened():
        raise UsageError(f"cannot write a video of {size[0]}x{size[1]} to {path}")
    video = VideoWriter(writer, size)
    try:
        yield video
    finally:
        writer.release()
    if video.written and (stored := count_frames(path)) < video.written:
        raise UsageError(
            f"{path.name} cannot be written: it holds {stored} of {video.written} frames",
            "Make room on the disk, or give --no-drawing",
        )


def count_frames(path: Path) -> int:
    """Count the frames that the video at ``path`` really holds; 0 if it cannot be opened.

    Its header (``CAP_PROP_FRAME_COUNT``) is a guess in some formats. Encoded packets are read
    without decoding them where OpenCV can.
    """
    import cv2

    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_FORMAT, -1)  # -1: packets as they are in the file
    count = 0
    while video.isOpened() and video.grab():
        count += 1
    video.release()
    return count


# Annotated images


def draw_faces(picture: Picture, faces: Sequence[Face]) -> Picture:
    """Return a copy of ``picture`` (H, W, 3) BGR with landmarks and head axes of ``faces``."""
    canvas = picture.copy()
    for face in faces:
        draw_landmarks(canvas, face.landmarks)
        draw_pose(canvas, face.landmarks, face.pose)
    return canvas
