"""Drawn faces as files: pictures, the CSV of `table`, and the `exactpose` that belongs to it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from asmnet_edge.data.exactpose import HEADER, POSE_FILE
from asmnet_edge.data.sample import Sample
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.data.table import DRAWN
from asmnet_edge.files import staged_folder
from asmnet_edge.pictures import encode_picture

TABLE = "faces.csv"


def write_drawn(
    drawn: DrawnFaces,
    folder: Path,
    progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter,
) -> Path:
    """Write the training faces of ``drawn`` to the new ``folder``, all or nothing; its table.

    ``faces/<seed>-<number>.png``, ``faces.csv`` (image,x0,y0,...,drawn) and ``pose.csv``
    (image,yaw,pitch,roll), numbers to the last bit.
    """
    samples = drawn.samples("train")
    names = [f"{drawn.seed}-{number:06d}.png" for number in range(len(samples))]
    with staged_folder(folder) as temporary:
        pictures = (temporary / TABLE).with_suffix("")
        pictures.mkdir()
        for name, sample in zip(names, progress(samples), strict=True):
            (pictures / name).write_bytes(encode_picture(sample.load(), ".png"))
        points = [[*sample.landmarks.points.ravel().tolist(), 1] for sample in samples]
        header = [f"{axis}{i}" for i in range(drawn.scheme.points) for axis in "xy"]
        _write_csv(temporary / TABLE, ["image", *header, DRAWN], names, points)
        pose = [sample.pose.tolist() for sample in samples if sample.pose is not None]
        _write_csv(temporary / POSE_FILE, HEADER, names, pose)
    return folder / TABLE


def _write_csv(
    path: Path, header: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[float]]
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([name, *row] for name, row in zip(names, rows, strict=True))
