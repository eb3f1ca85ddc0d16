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

from asmnet_edge.datasets.pts import picture_of, read_pts
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse, unbroken
from asmnet_edge.errors import DataError, NotAFaceError
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme
from asmnet_edge.io.images import read_image

# faces that each part has in the official release
FACES: Mapping[str, int] = MappingProxyType(
    {
        "afw": 337,
        "helen/trainset": 2000,
        "lfpw/trainset": 811,
        "helen/testset": 330,
        "lfpw/testset": 224,
        "ibug": 135,
    }
)
# the same photos as lfpw/testset/image_0066, 0096 and 0007, found by `asmnet-edge data check`
IN_TEST = frozenset(f"lfpw/trainset/image_{number}" for number in ("0215", "0828", "0862"))
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": ("afw", "helen/trainset", "lfpw/trainset"),
        "common": ("helen/testset", "lfpw/testset"),
        "challenging": ("ibug",),
        "full": ("helen/testset", "lfpw/testset", "ibug"),
    }
)


class W300:
    """300W under ``root``; an absent part is skipped, and `missing` names it."""

    name = "300w"
    licence = "research use only, no commercial use (300W)"
    scheme: LandmarkScheme = IBUG68

    def __init__(self, root: Path) -> None:
        self.root = root
        if not any((root / part).is_dir() for part in FACES):
            raise DataError(
                f"{root} does not look like 300W",
                f"Expected folders such as {', '.join(PARTS['train'])} in it",
            )

    @property
    def subsets(self) -> Sequence[str]:
        """Names of the subsets of which at least one part is there."""
        return [s for s, parts in PARTS.items() if any(self._files(part) for part in parts)]

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the faces of ``subset`` that are there; `DataError` if none is."""
        parts = self._parts(subset)
        there = [part for part in parts if (self.root / part).is_dir()]
        samples = [s for part in there for s in self._part(part, on_broken)]
        if not any(self._files(part) for part in there):
            raise DataError(f"{self.root} lacks {', '.join(parts)}, needed for {subset!r}")
        return samples

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return what this copy lacks of the official number of faces, `FACES`."""
        lacking = {part: FACES[part] - len(self._files(part)) for part in self._parts(subset)}
        return [Missing(part, faces) for part, faces in lacking.items() if faces > 0]

    def _parts(self, subset: str) -> tuple[str, ...]:
        if subset not in PARTS:
            raise DataError(f"300W has no subset {subset!r}", f"Known: {', '.join(PARTS)}")
        return PARTS[subset]

    def _files(self, part: str) -> list[Path]:
        return sorted((self.root / part).glob("*.pts"))

    def _part(self, part: str, on_broken: OnBroken) -> list[Sample]:
        files = self._files(part)
        if not files:
            on_broken(NotAFaceError(f"{self.root / part} holds no .pts file"))
        return unbroken(partial(self._sample, part), files, on_broken)

    def _sample(self, part: str, pts: Path) -> Sample:
        landmarks = read_pts(pts)
        if landmarks.scheme is not IBUG68:
            raise DataError(f"{pts} has {landmarks.scheme.points} points, 300W has 68")
        picture = picture_of(pts)
        load = partial(read_image, picture)
        name, identity = f"{part}/{pts.stem}", _identity(part, pts.stem)
        in_test = name in IN_TEST
        return Sample(name, identity, load, landmarks, in_test=in_test, file=picture)


def _identity(part: str, stem: str) -> str:
    """AFW and HELEN name several faces of one photo ``<photo>_<k>``; LFPW has one face a photo."""
    return f"{part}/{stem}" if part.startswith("lfpw") else f"{part}/{stem.rsplit('_', 1)[0]}"
