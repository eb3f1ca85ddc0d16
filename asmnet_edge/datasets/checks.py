"""Checks of data sets: broken files, implausible faces, and faces that occur twice.

Each face of each subset is examined once: its picture is read, and its points, size and a thumbnail
are noted. `check` then judges what was noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType

import numpy as np

from asmnet_edge.datasets.sample import Dataset, Sample
from asmnet_edge.datasets.splits import same_faces, thumbnail
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.images import Picture

Progress = Callable[[Sequence[Sample]], Iterable[Sample]]


@dataclass(frozen=True)
class ExaminedFace:
    """A face that was examined.

    where : data set, subset, name; side : of its box, the longer, pixels; thumbnail : (32, 32)
    outside : (n,) how far each point lies outside the picture, as a share of ``side``
    in_test : as in `Sample`
    """

    where: str
    name: str
    identity: str
    side: float
    outside: FloatArray
    thumbnail: Picture
    in_test: bool = False


@dataclass
class Examination:
    """Result for a data set. subsets : their faces; broken : where, by what is wrong"""

    label: str
    subsets: dict[str, list[ExaminedFace]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def note(self, where: str, error: DataError) -> None:
        """Note ``error`` once, however many subsets the file belongs to."""
        self.broken.setdefault(str(error), where)

    @property
    def groups(self) -> tuple[list[ExaminedFace], list[ExaminedFace]]:
        """Training faces, and all other faces once each."""
        train = self.subsets.get("train", [])
        others = {f.name: f for s, faces in self.subsets.items() if s != "train" for f in faces}
        return train, list(others.values())


def examine(label: str, dataset: Dataset, progress: Progress) -> Examination:
    """Read every picture of ``dataset``; broken ones are noted, not raised."""
    result, seen = Examination(label), dict[str, ExaminedFace]()
    for subset in dataset.subsets:
        samples = _samples(result, dataset, subset)
        for sample in progress([s for s in samples if s.name not in seen]):
            where = f"{label} {subset} {sample.name}"
            try:
                seen[sample.name] = _face(where, sample)
            except DataError as error:
                result.note(where, error)
        result.subsets[subset] = [seen[s.name] for s in samples if s.name in seen]
    return result


def _samples(result: Examination, dataset: Dataset, subset: str) -> Sequence[Sample]:
    def note(error: DataError) -> None:
        result.note(f"{result.label} {subset}", error)

    try:
        return dataset.samples(subset, note)
    except DataError as error:
        note(error)
        return ()


def _face(where: str, sample: Sample) -> ExaminedFace:
    picture, box = sample.load(), sample.landmarks.box
    side = max(box.width, box.height)
    # pixel centres are at integers, so the picture reaches half a pixel beyond the outer ones
    last = np.array(picture.shape[1::-1]) - 0.5
    beyond = np.maximum(-0.5 - sample.landmarks.points, sample.landmarks.points - last)
    outside = beyond.max(axis=1).clip(0) / side
    names = where, sample.name, sample.identity
    return ExaminedFace(*names, side, outside, thumbnail(picture, box), sample.in_test)


FINDINGS: Mapping[str, str] = MappingProxyType(
    {
        "broken": "an annotation or a picture that cannot be used",
        "outside": "a point far outside its picture",
        "small": "a face of too few pixels to show its landmarks",
        "duplicate": "a face of train that occurs in another subset, or one in two data sets",
        "identity": "a face that occurs in train as two identities, of which one may validate",
    }
)
FAR = 0.2  # of the face's longer side; where a picture's edge cuts a face, 0.13 has been seen
SMALLEST = 32.0  # pixels of the longer side; below, features vanish


@dataclass(frozen=True)
class Finding:
    """A problem of a data set.

    kind : one of `FINDINGS`; where : data set, subset, face; what : a sentence
    """

    kind: str
    where: str
    what: str

    def __post_init__(self) -> None:
        if self.kind not in FINDINGS:
            raise ValueError(f"kind must be one of {', '.join(FINDINGS)}, got {self.kind!r}")


@dataclass(frozen=True)
class Outside:
    """Points outside their pictures in one subset.

    share : of its points, 0 to 1; worst : how far out, as a share of the face's longer side
    worst_face : its name, or "" where no point lies outside
    """

    share: float
    worst: float
    worst_face: str


@dataclass(frozen=True)
class CheckReport:
    """Findings of `check`, and the number of faces that it examined.

    counts : faces examined per "dataset subset"; outside : likewise, where there are faces
    handled : pairs within a data set of which one is known to be in its test part (`in_test`) and
    left out of training, and so no findings
    """

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    outside: Mapping[str, Outside]
    handled: int = 0


def check(datasets: Sequence[Dataset], progress: Progress = iter) -> CheckReport:
    """Check every face of every subset of ``datasets``, and find faces that occur twice.

    Train is compared with the other subsets of its data set, each data set with the others, and
    train with itself across identities. What is broken is not raised but a finding. ``progress``
    may wrap the faces of a subset in a bar.
    """
    results = [examine(n, d, progress) for n, d in zip(_labels(datasets), datasets, strict=True)]
    pairs = [*_duplicates(results), *_identities(results)]
    found = {f"{one.label} {s}": faces for one in results for s, faces in one.subsets.items()}
    return CheckReport(
        findings=(*_broken(results), *_odd(results), *(pair for pair in pairs if pair)),
        counts={where: len(faces) for where, faces in found.items()},
        outside={where: _outside(faces) for where, faces in found.items() if faces},
        handled=pairs.count(None),
    )


def _labels(datasets: Sequence[Dataset]) -> list[str]:
    """Names of the data sets; where several share one, numbered from 1."""
    names = [dataset.name for dataset in datasets]
    shared = Counter(names)
    return [
        name if shared[name] == 1 else f"{name}#{names[:place].count(name) + 1}"
        for place, name in enumerate(names)
    ]


def _broken(results: Sequence[Examination]) -> Iterator[Finding]:
    for one in results:
        for what, where in one.broken.items():
            yield Finding("broken", where, what)


def _odd(results: Sequence[Examination]) -> Iterator[Finding]:
    for face in (face for one in results for group in one.groups for face in group):
        far, point = float(face.outside.max()), int(face.outside.argmax())
        if far > FAR:
            what = f"point {point} lies outside the picture by {far:.0%} of the face's size"
            yield Finding("outside", face.where, what)
        if face.side < SMALLEST:
            what = f"the face measures {face.side:.0f} pixels, at least {SMALLEST:.0f} are needed"
            yield Finding("small", face.where, what)


def _outside(faces: Sequence[ExaminedFace]) -> Outside:
    worst = max(faces, key=lambda face: float(face.outside.max()))
    far = float(worst.outside.max())
    share = float(np.mean([face.outside > 0 for face in faces]))
    return Outside(share, far, worst.name if far > 0 else "")


def _duplicates(results: Sequence[Examination]) -> Iterator[Finding | None]:
    """Any two groups: train and the rest of one data set, or parts of two; None if handled."""
    groups = [(one, group) for one in results for group in one.groups]
    for (our, ours), (their, theirs) in combinations(groups, 2):
        for one, other, alike in _same(ours, theirs):
            # faces that one data set leaves out may be in the training part of the other
            handled = our is their and (one.in_test or other.in_test)
            yield None if handled else _pair("duplicate", one, other, alike)


def _identities(results: Sequence[Examination]) -> Iterator[Finding | None]:
    """Faces of train that show the same under two identities; None if handled."""
    for train, _ in (one.groups for one in results):
        for one, other, alike in _same(train, train):
            if one.name < other.name and one.identity != other.identity:
                handled = one.in_test or other.in_test
                yield None if handled else _pair("identity", one, other, alike)


def _same(
    ours: Sequence[ExaminedFace], theirs: Sequence[ExaminedFace]
) -> Iterator[tuple[ExaminedFace, ExaminedFace, float]]:
    pairs = same_faces([face.thumbnail for face in ours], [face.thumbnail for face in theirs])
    return ((ours[i], theirs[j], alike) for i, j, alike in pairs)


def _pair(kind: str, one: ExaminedFace, other: ExaminedFace, alike: float) -> Finding:
    return Finding(kind, one.where, f"shows the same as {other.where} (similarity {alike:.2f})")
