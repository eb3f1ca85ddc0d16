"""WFLW: the official list files, 98 points a face, and six subsets of test by attribute.

Wu, Qian, Yang, Wang, Cai, Zhou, "Look at Boundary: A Boundary-Aware Face Alignment Algorithm",
CVPR 2018. A line of a list file holds 98 pairs "x y" that count pixels from 0, the detector's box
(x and y of two corners), six flags and the picture's path. One picture may show several faces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.errors import DataError, NotAFaceError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import WFLW98, LandmarkScheme
from asmnet_edge.io.images import leads_out, read_image

FOLDER = "WFLW_annotations/list_98pt_rect_attr_train_test"
PICTURES = "WFLW_images"
# faces that each subset has in the official release
FACES: Mapping[str, int] = MappingProxyType(
    {
        "train": 7500,
        "test": 2500,
        "largepose": 326,
        "expression": 314,
        "illumination": 698,
        "makeup": 206,
        "occlusion": 736,
        "blur": 773,
    }
)
LISTS = ("train", "test")
ATTRIBUTES = ("largepose", "expression", "illumination", "makeup", "occlusion", "blur")
COORDINATES = 2 * WFLW98.points
FIELDS = COORDINATES + 4 + len(ATTRIBUTES) + 1


@dataclass(frozen=True)
class _Line:
    """A line of a list file; where : the file and the line's number, from 1"""

    where: str
    number: int
    text: str

    @property
    def flags(self) -> tuple[str, ...]:
        """Those of `ATTRIBUTES`, or none if the line does not end in six of them and a path."""
        flags = tuple(self.text.rsplit(maxsplit=len(ATTRIBUTES) + 1)[1:-1])
        return flags if len(flags) == len(ATTRIBUTES) and set(flags) <= {"0", "1"} else ()

    @property
    def fault(self) -> str:
        """What is wrong with its fields, their numbers aside; empty if nothing is."""
        fields = self.text.split()
        if len(fields) != FIELDS:
            return f"{self.where}: expected {FIELDS} fields, got {len(fields)}"
        if not self.flags:
            return f"{self.where}: expected six flags of 0 or 1, got {fields[-7:-1]}"
        if leads_out(fields[-1]):
            return f"{self.where}: the picture's path {fields[-1]!r} leaves {PICTURES}"
        return ""

    def is_in(self, subset: str) -> bool:
        """Whether the face belongs to ``subset`` of this list, as far as the line shows."""
        flags = dict(zip(ATTRIBUTES, self.flags, strict=False))
        return subset in LISTS or flags.get(subset) == "1"


class WFLW:
    """WFLW under ``root``; the train or the test list may be absent, which `missing` counts."""

    name = "wflw"
    licence = "research use only, no commercial use (WFLW)"
    scheme: LandmarkScheme = WFLW98

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lines = {part: _read(file) for part in LISTS if (file := self._file(part)).exists()}
        if not self._lines:
            raise DataError(
                f"{root} does not look like WFLW",
                f"Expected {self._file('train').name} or ..._test.txt in its {FOLDER}",
            )

    @property
    def subsets(self) -> Sequence[str]:
        """Names of the subsets of which at least one face is there."""
        return [subset for subset in FACES if self._of(subset)]

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces of ``subset`` that are there; `DataError` if none is."""
        if not self._of(subset):
            raise DataError(self._lack(subset), f"There: {', '.join(self.subsets) or 'nothing'}")
        if subset not in LISTS:
            self._report_unknown(subset, on_broken)
        return unbroken(partial(self._sample, _list_of(subset)), self._of(subset), on_broken)

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return what this copy lacks of the official number of faces, `FACES`."""
        lacking = FACES[subset] - len(self._of(subset))
        return [Missing(subset, lacking)] if lacking > 0 else []

    def _file(self, part: str) -> Path:
        return self.root / FOLDER / f"list_98pt_rect_attr_{part}.txt"

    def _of(self, subset: str) -> list[_Line]:
        if subset not in FACES:
            raise DataError(f"WFLW has no subset {subset!r}", f"Known: {', '.join(FACES)}")
        return [line for line in self._lines.get(_list_of(subset), ()) if line.is_in(subset)]

    def _report_unknown(self, subset: str, on_broken: OnBroken) -> None:
        """A line without readable flags may be of any subset: it is named, but counts for none."""
        for line in self._lines[_list_of(subset)]:
            if not line.flags:
                on_broken(NotAFaceError(line.fault))

    def _lack(self, subset: str) -> str:
        part = _list_of(subset)
        if part not in self._lines:
            return f"{self.root} lacks {FOLDER}/{self._file(part).name}, needed for {subset!r}"
        return f"{self._file(part)} holds no face of {subset!r}"

    def _sample(self, part: str, line: _Line) -> Sample:
        if line.fault:
            raise DataError(line.fault)
        fields = line.text.split()
        picture = self.root / PICTURES / fields[-1]
        if not picture.is_file():
            raise DataError(f"{line.where}: there is no picture {picture}")
        name = f"{part}/{fields[-1]}#{line.number}"
        load, landmarks = partial(read_image, picture), _landmarks(line, fields)
        return Sample(name, fields[-1], load, landmarks, file=picture)


def _list_of(subset: str) -> str:
    """The list file that holds ``subset``: attributes are known of test faces."""
    return "train" if subset == "train" else "test"


def _landmarks(line: _Line, fields: Sequence[str]) -> Landmarks:
    try:
        return Landmarks(np.array(fields[:COORDINATES], np.float64).reshape(-1, 2), WFLW98)
    except (ValueError, DataError) as error:
        raise DataError(f"{line.where}: {error}") from error


def _read(file: Path) -> list[_Line]:
    """The lines of a list file that hold anything."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not a text file: {error}") from error
    numbered = enumerate(lines, start=1)
    return [_Line(f"{file}, line {n}", n, text) for n, text in numbered if text.strip()]
