"""A pack on disk: one ``.npz`` of JPEGs, points, pose, and the facts about where they come from.

All JPEGs lie end to end in one array of bytes, face i from ``offsets[i]`` to ``offsets[i + 1]``.
Facts, names and identities are JSON. Nothing is pickled, and everything is checked when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.pack import Pack, make_pack
from asmnet_edge.datasets.sample import Dataset, Missing, OnBroken, Sample, learnable, refuse
from asmnet_edge.errors import AsmnetEdgeError, DataError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import LandmarkScheme, scheme_named
from asmnet_edge.io.files import DAMAGE, read_arrays, write_arrays

SCHEMA_VERSION = 1
IN_TEST = "photos that a test subset has too, left out"
BROKEN = "broken faces, left out"


@dataclass(frozen=True)
class PackFacts:
    """Origin of a pack and how its faces were cut.

    dataset, subset, licence : of the data set; quality : of the JPEGs, 1 to 100
    missing : what the data set lacks, and what of it was left out of the pack; with the packed
    faces the sum is the official size; drawn : some faces are no photos
    """

    dataset: str
    subset: str
    licence: str
    scheme: LandmarkScheme
    rule: CropRule
    quality: int
    missing: tuple[Missing, ...] = ()
    drawn: bool = False

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        subset: str,
        samples: Sequence[Sample],
        rule: CropRule,
        quality: int,
        broken: int = 0,
    ) -> PackFacts:
        """Return the facts of a pack of ``samples`` of ``dataset``; ``broken`` : faces left out."""
        left_out = {IN_TEST: len(samples) - len(learnable(samples)), BROKEN: broken}
        missing = [*dataset.missing(subset)]
        missing += [Missing(why, faces) for why, faces in left_out.items() if faces]
        origin = (dataset.name, subset, dataset.licence, dataset.scheme)
        drawn = any(sample.drawn for sample in samples)
        return cls(*origin, rule, quality, tuple(missing), drawn)

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain values."""
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in ("dataset", "subset", "licence", "quality")},
            "scheme": self.scheme.name,
            "margin": self.rule.margin,
            "size": self.rule.size,
            "missing": [asdict(missing) for missing in self.missing],
            "drawn": self.drawn,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> PackFacts:
        """Return facts from what `as_json` gave; `DataError` for another version of the format."""
        version = content["schema_version"]
        if version != SCHEMA_VERSION:
            raise DataError(f"schema version {version!r}, this program reads {SCHEMA_VERSION}")
        words = [content[name] for name in ("dataset", "subset", "licence")]
        if not all(isinstance(word, str) for word in words):
            raise DataError(f"data set, subset and licence must be text, got {words}")
        dataset, subset, licence = words
        return cls(
            dataset,
            subset,
            licence,
            scheme_named(content["scheme"]),
            CropRule(float(content["margin"]), int(content["size"])),
            int(content["quality"]),
            tuple(Missing(str(m["part"]), int(m["faces"])) for m in content["missing"]),
            content.get("drawn") is True,
        )


DTYPES = {"jpegs": "u1", "offsets": "i8", "points": "f8", "pose": "f8", "exact": "?"}
TEXTS = ("facts", "names", "identities")
JPEG_START = b"\xff\xd8"


def write_pack(path: Path, pack: Pack, facts: PackFacts) -> None:
    """Write ``pack`` and its ``facts`` to ``path`` (.npz), atomically."""
    ends = np.cumsum([0, *map(len, pack.jpegs)], dtype=np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "facts": _text(facts.as_json()),
        "names": _text(pack.names),
        "identities": _text(pack.identities),
        "jpegs": np.frombuffer(b"".join(pack.jpegs), np.uint8),
        "offsets": ends,
        "points": pack.points.astype(np.float64),
        "pose": pack.pose.astype(np.float64),
        "exact": pack.exact,
    }
    write_arrays(path, arrays)


def read_pack(path: Path) -> tuple[Pack, PackFacts]:
    """Return the pack at ``path`` and its facts; `DataError` if the file is damaged or no pack."""
    try:
        return _read(path)
    except DAMAGE as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path} is not a readable pack: {why}", _cure(path)) from error
    except AsmnetEdgeError as error:
        raise DataError(f"{path} is a damaged pack: {error}", _cure(path)) from error


def _cure(path: Path) -> str:
    return f"Make it again: asmnet-edge data prepare DATASET --output {path} --overwrite"


def _read(path: Path) -> tuple[Pack, PackFacts]:
    arrays = read_arrays(path, (*TEXTS, *DTYPES))
    content, names, identities = (json.loads(arrays[name].tobytes()) for name in TEXTS)
    facts = PackFacts.from_json(content)
    for name, kind in DTYPES.items():
        if arrays[name].dtype != np.dtype(kind):
            raise DataError(f"{name} must be {np.dtype(kind)}, got {arrays[name].dtype}")
    jpegs = _jpegs(arrays["jpegs"], arrays["offsets"])
    points, pose, exact = (arrays[name] for name in ("points", "pose", "exact"))
    words = _words(names), _words(identities)
    return Pack(facts.scheme, jpegs, points, pose, exact, *words), facts


def _jpegs(content: NDArray[np.uint8], ends: NDArray[np.int64]) -> tuple[bytes, ...]:
    """The JPEGs that lie end to end in ``content`` (bytes,), cut at ``ends`` (faces + 1,)."""
    whole = ends.ndim == 1 and len(ends) > 1 and (np.diff(ends) > 0).all()
    if not whole or (ends[0], ends[-1]) != (0, content.size):
        raise DataError("its offsets do not divide its pictures")
    joined = content.tobytes()
    jpegs = tuple(joined[a:b] for a, b in pairwise(ends))
    if strange := [i for i, jpeg in enumerate(jpegs) if not jpeg.startswith(JPEG_START)]:
        raise DataError(f"picture {strange[0]} is no JPEG")
    return jpegs


def _words(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise DataError("names and identities must be lists of text")
    return tuple(values)


def _text(content: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


class PackFile:
    """A pack on disk as a data set: its faces are the stored crops, its only subset the stored one.

    A pack of test faces has no ``train``, so nothing can be trained on it by mistake.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pack, self.facts = read_pack(path)
        self.name = f"{self.facts.dataset} pack"
        self.licence = self.facts.licence
        self.scheme: LandmarkScheme = self.facts.scheme

    @property
    def subsets(self) -> Sequence[str]:
        """The one that was packed."""
        return (self.facts.subset,)

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        """Return the stored crops; points in their pixels, pose only where it is exact."""
        pack = self.stored(subset)
        return [self._sample(pack, index) for index in range(len(pack))]

    def missing(self, subset: str) -> Sequence[Missing]:
        """Return what the data set lacked, and what was left out of the pack."""
        self.stored(subset)
        return self.facts.missing

    def stored(self, subset: str) -> Pack:
        """Return the pack; `DataError` if it is of another subset."""
        if subset != self.facts.subset:
            raise DataError(
                f"{self.path} holds the subset {self.facts.subset!r} of {self.facts.dataset}, "
                f"not {subset!r}",
                f"Pack that one: asmnet-edge data prepare DATASET --subset {subset}",
            )
        return self._pack

    def _sample(self, pack: Pack, index: int) -> Sample:
        load = partial(pack.picture, index)
        landmarks = Landmarks(pack.points[index], self.scheme)
        pose = pack.pose[index] if pack.exact[index] else None
        names = pack.names[index], pack.identities[index]
        return Sample(*names, load, landmarks, pose, drawn=self.facts.drawn)


def pack_of(
    dataset: Dataset,
    subset: str,
    progress: Callable[[Sequence[Sample]], Iterable[Sample]] = iter,
    on_broken: OnBroken = refuse,
) -> Pack:
    """Return the faces of ``subset`` as a pack: a stored one unchanged, else by `make_pack`."""
    if isinstance(dataset, PackFile):
        return dataset.stored(subset)
    return make_pack(dataset.samples(subset, on_broken), progress, on_broken)
