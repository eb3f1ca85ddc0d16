"""Writing of faces as files: pictures, the CSV of `table`, and the `exactpose` beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from asmnet_edge.data.exactpose import HEADER, POSE_FILE
from asmnet_edge.data.sample import Sample
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.data.table import DRAWN
from asmnet_edge.files import staged_folder
from asmnet_edge.pictures import encode_picture

TABLE = "faces.csv"


def table_files(samples: Iterable[Sample], names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the files of a data set of ``samples``, pictures by their ``names``.

    ``faces/<name>``, ``faces.csv`` (image,x0,y0,...,drawn) and, where a pose is known, ``pose.csv``
    (image,yaw,pitch,roll), numbers exact. A picture that is a file keeps its bytes.
    """
    rows, poses = [], []
    for name, sample in zip(names, samples, strict=True):
        yield f"{Path(TABLE).stem}/{name}", _picture(sample)
        rows.append([name, *sample.landmarks.points.ravel().tolist(), int(sample.drawn)])
        if sample.pose is not None:
            poses.append([name, *sample.pose.tolist()])
    points = (len(rows[0]) - 2) // 2 if rows else 0
    header = [f"{axis}{number}" for number in range(points) for axis in "xy"]
    yield TABLE, _csv([["image", *header, DRAWN], *rows])
    if poses:
        yield POSE_FILE, _csv([HEADER, *poses])


def picture_suffix(sample: Sample) -> str:
    """Suffix of the picture that `table_files` writes of ``sample``."""
    return sample.file.suffix if sample.file else ".png"


def write_drawn(
    drawn: DrawnFaces,
    folder: Path,
    progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter,
) -> Path:
    """Write the training faces of ``drawn`` to the new ``folder``, atomically; return the table.

    Pictures are called ``<seed>-<number>.png``.
    """
    samples = drawn.samples("train")
    names = [f"{drawn.seed}-{number:06d}.png" for number in range(len(samples))]
    with staged_folder(folder) as temporary:
        (temporary / TABLE).with_suffix("").mkdir()
        for path, content in table_files(progress(samples), names):
            (temporary / path).write_bytes(content)
    return folder / TABLE


def _picture(sample: Sample) -> bytes:
    """Bytes of the picture's file, or of a PNG if it has none."""
    return sample.file.read_bytes() if sample.file else encode_picture(sample.load(), ".png")


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
