"""From the words a person types to data sets: ``300w:DIR``, ``csv:FILE``, ``synthetic:COUNT``.

All kinds are in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from asmnet_edge.data.packfile import PackFile
from asmnet_edge.data.ptsfolder import PtsFolder
from asmnet_edge.data.sample import Dataset
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.data.table import LandmarkTable
from asmnet_edge.data.w300 import W300
from asmnet_edge.data.wflw import WFLW
from asmnet_edge.errors import DataError, UsageError


def _drawn(argument: str, wide: bool = False) -> DrawnFaces:
    try:
        return DrawnFaces(int(argument or 256), wide=wide)
    except ValueError as error:
        raise UsageError(f"synthetic: takes a number of faces, got {argument!r}") from error


def _existing(argument: str) -> Path:
    path = Path(argument).expanduser()
    if not path.exists():
        raise DataError(f"there is no {path}", "Give the folder or file of a data set")
    return path


KINDS: Mapping[str, Callable[[str], Dataset]] = MappingProxyType(
    {
        "300w": lambda argument: W300(_existing(argument)),
        "wflw": lambda argument: WFLW(_existing(argument)),
        "csv": lambda argument: LandmarkTable(_existing(argument)),
        "pack": lambda argument: PackFile(_existing(argument)),
        "synthetic": _drawn,
        "synthetic-wide": partial(_drawn, wide=True),
        "pts": lambda argument: PtsFolder(_existing(argument)),
    }
)


def open_dataset(words: str) -> Dataset:
    """The data set that ``words`` ("kind:argument") name; `UsageError` lists the kinds."""
    kind, _, argument = words.partition(":")
    if kind not in KINDS:
        raise UsageError(
            f"no kind of data set {kind!r} in {words!r}", f"Known: {', '.join(KINDS)}, as kind:PATH"
        )
    return KINDS[kind](argument)
