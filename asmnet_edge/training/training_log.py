"""Log of a training run: a CSV file, TensorBoard events, preview pictures."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asmnet_edge.errors import require
from asmnet_edge.io.files import write_atomically
from asmnet_edge.io.images import Picture, encode_image

COLUMNS = ("step", "size", "learning_rate", "loss", "validation_nme")


@dataclass(frozen=True)
class LogEntry:
    """One step of training.

    size : resolution, pixels; validation_nme : in %, None where this step did not validate
    """

    step: int
    size: int
    learning_rate: float
    loss: float
    validation_nme: float | None = None


def _row(entry: LogEntry) -> list[str]:
    nme = "" if entry.validation_nme is None else f"{entry.validation_nme:.4f}"
    rate, loss = f"{entry.learning_rate:.6g}", f"{entry.loss:.5f}"
    return [str(entry.step), str(entry.size), rate, loss, nme]


def write_rows(path: Path, entries: Iterable[LogEntry]) -> None:
    """Write the log of a finished run to ``path``, with the columns of ``log.csv``."""
    rows = [COLUMNS, *map(_row, entries)]
    write_atomically(path, "".join(",".join(row) + "\n" for row in rows).encode())


class TrainingLog:
    """``log.csv`` and ``looks/`` in ``folder``, and TensorBoard's event file if asked for."""

    def __init__(self, folder: Path, step: int, tensorboard: bool = False) -> None:
        """Continue after ``step``: rows of later steps are dropped and written again."""
        self._folder, self._path = folder, folder / "log.csv"
        self._keep(step)
        self._events = _Events(folder, step) if tensorboard else None

    def _keep(self, last: int) -> None:
        """Keep the header and the rows up to step ``last``; drop a truncated line."""
        text = self._path.read_text("utf-8", "replace") if self._path.exists() else ""
        lines = text.splitlines(keepends=True)
        rows = [line for line in lines if line.endswith("\n") and line.split(",")[0].isdigit()]
        kept = [row for row in rows if int(row.split(",")[0]) <= last]
        write_atomically(self._path, "".join([",".join(COLUMNS) + "\n", *kept]).encode())

    def write(self, entry: LogEntry) -> None:
        """Append a row."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow(_row(entry))
        if self._events:
            shown = {"loss": entry.loss, "learning rate": entry.learning_rate}
            if entry.validation_nme is not None:
                shown["validation NME %"] = entry.validation_nme
            self._events.scalars(entry.step, shown)

    def save_preview(self, step: int, what: str, picture: Picture) -> None:
        """Write ``picture`` (H, W, 3) BGR as ``looks/<what>-<step>.jpg``."""
        content = encode_image(picture, ".jpg")
        write_atomically(self._folder / "looks" / f"{what}-{step:06d}.jpg", content)
        if self._events:
            self._events.picture(step, what, picture.shape, content)

    def close(self) -> None:
        """Close TensorBoard's event file."""
        if self._events:
            self._events.close()


class _Events:
    """TensorBoard's event file, by the ``tensorboard`` package alone, so on any backend."""

    def __init__(self, folder: Path, step: int) -> None:
        writer = require("tensorboard.summary.writer.event_file_writer", "train")
        self._event = require("tensorboard.compat.proto.event_pb2", "train")
        self._summary = require("tensorboard.compat.proto.summary_pb2", "train").Summary
        self._writer = writer.EventFileWriter(str(folder / "tensorboard"))
        # TensorBoard drops later steps of an earlier file
        start = self._event.SessionLog(status=self._event.SessionLog.START)
        self._add(step + 1, session_log=start)

    def _add(self, step: int, **content: Any) -> None:
        self._writer.add_event(self._event.Event(wall_time=time.time(), step=step, **content))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        rows = [self._summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self._add(step, summary=self._summary(value=rows))

    def picture(self, step: int, tag: str, shape: tuple[int, ...], content: bytes) -> None:
        height, width, channels = shape
        image = self._summary.Image(
            height=height, width=width, colorspace=channels, encoded_image_string=content
        )
        self._add(step, summary=self._summary(value=[self._summary.Value(tag=tag, image=image)]))

    def close(self) -> None:
        self._writer.close()
