"""Faces as tables: CSV, a row a face, or JSON lines, a line a picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from asmnet_edge.errors import UsageError
from asmnet_edge.files import make_folder
from asmnet_edge.pose import AXES
from asmnet_edge.runtime.landmarker import Face

Write = Callable[[Mapping[str, Any], Sequence[Face]], None]
SUFFIXES = (".csv", ".jsonl")
BOX = ("x", "y", "width", "height")


@contextmanager
def open_records(path: Path) -> Iterator[Write]:
    """Write to ``path`` by its suffix: a function that takes facts of a picture and its faces.

    Lines are whole as soon as they are there: a recording that is cut off keeps all before.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"faces cannot be written to {path}", f"Known: {', '.join(SUFFIXES)}")
    make_folder(path.parent)
    try:
        with path.open("w", encoding="utf-8", newline="", buffering=1) as file:
            yield _csv(file) if path.suffix == ".csv" else _json_lines(file)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _json_lines(file: TextIO) -> Write:
    def write(facts: Mapping[str, Any], faces: Sequence[Face]) -> None:
        file.write(json.dumps({**facts, "faces": [face.as_json() for face in faces]}) + "\n")

    return write


def _csv(file: TextIO) -> Write:
    """A header comes with the first face, as it depends on how many points there are."""
    table = csv.writer(file, lineterminator="\n")
    has_header = False

    def write(facts: Mapping[str, Any], faces: Sequence[Face]) -> None:
        nonlocal has_header
        for number, face in enumerate(faces):
            if not has_header:
                points = len(face.landmarks.points)
                places = [f"{axis}{i}" for i in range(points) for axis in "xy"]
                table.writerow([*facts, "face", *BOX, "quality", *AXES, *places])
                has_header = True
            content = face.as_json()
            places = [value for point in content["landmarks"] for value in point]
            name = number if face.track is None else face.track
            angles = content["pose"].values()
            table.writerow(
                [*facts.values(), name, *content["box"], content["quality"], *angles, *places]
            )

    return write
