"""Kinds of data sets, and how a user names one: ``300w:DIR``, ``csv:FILE``, ``synthetic:COUNT``.

To add a kind, write a module with a class that fills `asmnet_edge.datasets.sample.Dataset` and
add a line to `DATASETS`. The command line's help lists them, so importing this module loads neither
NumPy nor OpenCV.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.io.registry import Entry, Registry

if TYPE_CHECKING:
    from asmnet_edge.datasets.sample import Dataset

_DATASETS = "asmnet_edge.datasets"
PATHS = ("DIR", "FILE")  # arguments that must exist, and are passed on as a `Path`

DATASETS = Registry(
    "kind of data set",
    Entry("300w", f"{_DATASETS}.w300", "W300", "300W in its official folders", "DIR"),
    Entry("wflw", f"{_DATASETS}.wflw", "WFLW", "WFLW in its official folders", "DIR"),
    Entry("csv", f"{_DATASETS}.csv_table", "LandmarkTable", "table image,x0,y0,x1,y1,...", "FILE"),
    Entry("pack", f"{_DATASETS}.pack_file", "PackFile", "file of `data prepare`", "FILE"),
    Entry("synthetic", f"{_DATASETS}.synthetic", "drawn_faces", "drawn faces", "COUNT"),
    Entry("synthetic-wide", f"{_DATASETS}.synthetic", "wide_drawn_faces",
          "drawn faces from profile to profile", "COUNT"),
    Entry("pts", f"{_DATASETS}.pts", "PtsFolder", "pictures with .pts files beside them", "DIR"),
)  # fmt: skip


def open_dataset(words: str) -> Dataset:
    """Return the data set that ``words`` ("kind:argument") name.

    An argument DIR or FILE is passed on as a `Path`, any other as the text. `UsageError` for an
    unknown kind, `DataError` for a path that does not exist.
    """
    kind, _, argument = words.partition(":")
    if kind not in DATASETS:
        known = f"Known: {', '.join(DATASETS)}, as kind:PATH"
        raise UsageError(f"no kind of data set {kind!r} in {words!r}", known)
    make = DATASETS.load(kind)
    takes_path = DATASETS[kind].argument in PATHS
    dataset: Dataset = make(_existing(argument) if takes_path else argument)
    return dataset


def _existing(argument: str) -> Path:
    path = Path(argument).expanduser()
    if not path.exists():
        raise DataError(f"there is no {path}", "Give the folder or file of a data set")
    return path


def dataset_help() -> str:
    """Return a line of help for each kind: ``300w:DIR  300W in its official folders``."""
    names = {f"{entry.name}:{entry.argument}": entry.help for entry in DATASETS.values()}
    width = max(map(len, names))
    return "\n".join(f"{name:{width}}  {text}" for name, text in names.items())
