"""300W: the official folder layout and its protocol.

Sagonas, Tzimiropoulos, Zafeiriou, Pantic, "300 Faces in-the-Wild Challenge", ICCVW 2013. Subsets as
the field reports them: train = AFW + HELEN train + LFPW train; common = HELEN test + LFPW test;
challenging = iBUG; full = both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from asmnet_edge.data.pts import read_pts
from asmnet_edge.data.sample import Sample
from asmnet_edge.errors import DataError
from asmnet_edge.pictures import SUFFIXES, read_picture
from asmnet_edge.schemes import IBUG68, LandmarkScheme

PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": ("afw", "helen/trainset", "lfpw/trainset"),
        "common": ("helen/testset", "lfpw/testset"),
        "challenging": ("ibug",),
        "full": ("helen/testset", "lfpw/testset", "ibug"),
    }
)


class W300:
    """300W under ``root``; a missing part of the training set is passed over, of a test set not."""

    name = "300w"
    licence = "research use only, no commercial use (300W)"
    scheme: LandmarkScheme = IBUG68

    def __init__(self, root: Path) -> None:
        self.root = root
        if not any((root / part).is_dir() for parts in PARTS.values() for part in parts):
            raise DataError(
                f"{root} does not look like 300W",
                f"Expected folders such as {', '.join(PARTS['train'])} in it",
            )

    @property
    def subsets(self) -> Sequence[str]:
        return [s for s, parts in PARTS.items() if not self._missing(parts) or s == "train"]

    def samples(self, subset: str) -> Sequence[Sample]:
        """The faces of ``subset``; `DataError` names the folders that are missing."""
        if subset not in PARTS:
            raise DataError(f"300W has no subset {subset!r}", f"Known: {', '.join(PARTS)}")
        parts = PARTS[subset]
        missing = self._missing(parts)
        if len(missing) == len(parts) or (missing and subset != "train"):
            raise DataError(f"{self.root} lacks {', '.join(missing)}, needed for {subset!r}")
        return [s for part in parts if part not in missing for s in self._part(part)]

    def _missing(self, parts: Sequence[str]) -> list[str]:
        return [part for part in parts if not (self.root / part).is_dir()]

    def _part(self, part: str) -> list[Sample]:
        files = sorted((self.root / part).glob("*.pts"))
        if not files:
            raise DataError(f"{self.root / part} holds no .pts file")
        return [self._sample(part, file) for file in files]

    def _sample(self, part: str, pts: Path) -> Sample:
        landmarks = read_pts(pts)
        if landmarks.scheme is not IBUG68:
            raise DataError(f"{pts} has {landmarks.scheme.points} points, 300W has 68")
        pictures = [p for s in SUFFIXES if (p := pts.with_suffix(s)).exists()]
        if not pictures:
            raise DataError(f"{pts} has no picture beside it", f"Known: {', '.join(SUFFIXES)}")
        load = partial(read_picture, pictures[0])
        return Sample(f"{part}/{pts.stem}", _identity(part, pts.stem), load, landmarks)


def _identity(part: str, stem: str) -> str:
    """AFW and HELEN name several faces of one photo ``<photo>_<k>``; LFPW has one face a photo."""
    return f"{part}/{stem}" if part.startswith("lfpw") else f"{part}/{stem.rsplit('_', 1)[0]}"
