"""CSV tables of landmarks, read as a data set and written: ``image,x0,y0,x1,y1,...``.

``faces.csv`` annotates the pictures in ``faces/``. Coordinates count pixels from 0. The whole file
is training data. Two more columns may stand anywhere, found by their header:

* ``identity``: faces that share it are never split between training and validation. Without it,
  an identity is the picture's path less its suffix and less a trailing ``_<number>``, as frames of
  one video are named; where that leaves a single identity in the whole file (``IMG_0001.jpg``,
  ``IMG_0002.jpg``), it is the path less its suffix. So ``ann/1.jpg`` and ``ann/2.jpg`` are two
  identities: where folders are persons, give the column.
* ``drawn``: 1 for a face that is no photo, else 0.

A ``pose.csv`` in the folder of the table gives the exact pose of its pictures in degrees:
``image,yaw,pitch,roll``. A picture that is not in it, or more than once in either file, has no
exact pose; a file with another header is ignored.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_with
from asmnet_edge.io.files import staged_folder
from asmnet_edge.io.images import encode_image, leads_out, read_image

POSE_FILE = "pose.csv"
HEADER = ("image", *AXES)


@dataclass(frozen=True)
class ExactPoses:
    """The rows of a pose file at ``path`` by picture: the line's number, from 1, and its fields."""

    path: Path
    rows: Mapping[str, tuple[int, Sequence[str]]]

    @classmethod
    def beside(cls, table: Path) -> ExactPoses:
        """Return the poses in the folder of ``table``; none where there is no such file."""
        path = table.with_name(POSE_FILE)
        content = read_csv(path) if path != table and path.exists() else []
        if not content or tuple(content[0]) != HEADER:
            return cls(path, {})
        rows = {row[0]: (line, row) for line, row in enumerate(content, start=1) if row}
        count = Counter(row[0] for row in content[1:] if row)
        return cls(path, {name: rows[name] for name in count if count[name] == 1})

    def of(self, image: str) -> FloatArray | None:
        """Return yaw, pitch, roll (3,) of ``image`` or None; `DataError` names a wrong line."""
        if image not in self.rows:
            return None
        line, row = self.rows[image]
        try:
            pose = np.array(row[1:], np.float64)
        except ValueError:
            pose = np.empty(0)
        if pose.shape != (len(AXES),) or not np.isfinite(pose).all():
            expected = f"{len(AXES)} angles in degrees"
            raise DataError(f"{self.path}, line {line}: expected {expected}, got {row[1:]}")
        return pose


def read_csv(path: Path) -> list[list[str]]:
    """Return the rows of a CSV text file, empty ones included, without a byte order mark."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.reader(file))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV text file: {error}") from error


IDENTITY, DRAWN = "identity", "drawn"  # headers of the optional columns
FRAME = re.compile(r"([^/])_[0-9]+$")  # the end of a path <video>_<number>


@dataclass(frozen=True)
class _Row:
    """A row of the file. line : its number, from 1; extra : its fields by `IDENTITY` and `DRAWN`"""

    line: int
    fields: int
    image: str
    coordinates: list[str]
    extra: Mapping[str, str]

    @classmethod
    def of(cls, header: Sequence[str], line: int, row: Sequence[str]) -> _Row:
        places = {place for place, name in enumerate(header) if name.strip() in (IDENTITY, DRAWN)}
        extra = {header[place].strip(): row[place] for place in places if place < len(row)}
        image, *coordinates = [x for i, x in enumerate(row) if i not in places] or [""]
        return cls(line, len(row), image, coordinates, extra)


class LandmarkTable:
    """Data set of the faces of one CSV file; its scheme is found by the number of points."""

    name = "csv"
    licence = "that of the table's pictures"
    subsets: Sequence[str] = ("train",)

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = read_csv(path)
        if len(rows) < 2 or len(rows[0]) < 3:
            raise DataError(f"{path} holds no faces", "Expected a header image,x0,y0,... and rows")
        header = rows[0]
        self._header = _Row.of(header, 1, header)
        self._rows = [_Row.of(header, n, r) for n, r in enumerate(rows[1:], start=2) if r]
        self._faces = Counter(row.image for row in self._rows)
        self._identities = identities_of(self._faces)
        self._poses = ExactPoses.beside(path)
        try:
            self.scheme: LandmarkScheme = scheme_with(len(self._header.coordinates) // 2)
        except UsageError as error:
            raise DataError(f"{path}: {error}") from error

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces of the file; ``train`` is its only subset."""
        if subset != "train":
            raise DataError(f"{self.path} has no subset {subset!r}", "Known: train")
        return unbroken(self._sample, self._rows, on_broken)

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return nothing: there is no official size."""
        return ()

    def _sample(self, row: _Row) -> Sample:
        where, folder = f"{self.path}, line {row.line}", self.path.with_suffix("")
        expected = 1 + 2 * self.scheme.points + len(self._header.extra)
        if row.fields != expected:
            raise DataError(f"{where}: expected {expected} fields, got {row.fields}")
        if leads_out(row.image):
            raise DataError(f"{where}: the picture's path {row.image!r} leaves {folder}")
        try:
            landmarks = Landmarks(np.array(row.coordinates, "f8").reshape(-1, 2), self.scheme)
            identity, drawn = self._identity(row), _is_drawn(row)
        except (ValueError, DataError) as error:
            raise DataError(f"{where}: {error}") from error
        picture = folder / row.image
        load = partial(read_image, picture)
        alone = self._faces[row.image] == 1
        pose = self._poses.of(row.image) if alone else None  # it cannot distinguish two faces
        name = row.image if alone else f"{row.image}#{row.line}"
        return Sample(name, identity, load, landmarks, pose, drawn=drawn, file=picture)

    def _identity(self, row: _Row) -> str:
        given = row.extra.get(IDENTITY, self._identities[row.image])
        if IDENTITY in row.extra and not given.strip():
            raise DataError("its identity is empty")
        return given.strip()


def identities_of(images: Iterable[str]) -> dict[str, str]:
    """Return the identity of each path of a picture, by its name: see the top of this module."""
    paths = {image: PurePosixPath(image) for image in images}
    whole = {image: str(path.parent / path.stem) for image, path in paths.items()}
    videos = {image: FRAME.sub(r"\1", identity) for image, identity in whole.items()}
    return videos if len(set(videos.values())) > 1 else whole


def _is_drawn(row: _Row) -> bool:
    given = row.extra.get(DRAWN, "0").strip()
    if given not in ("0", "1"):
        raise DataError(f"{DRAWN} must be 0 or 1, got {given!r}")
    return given == "1"


# Writing

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
    return sample.file.read_bytes() if sample.file else encode_image(sample.load(), ".png")


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
