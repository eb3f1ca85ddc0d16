"""Data leakage: find test faces among the calibration faces by their pixels, not their names."""

from __future__ import annotations

from collections.abc import Sequence

from asmnet_edge.datasets.sample import Dataset, Sample
from asmnet_edge.datasets.splits import same_faces, thumbnail
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.io.images import Picture

MAX_NAMED = 5  # faces that an error lists
# the subsets of drawn faces are disjoint by construction, and drawing them takes long
DISJOINT = ("synthetic",)
# name of data sets whose landmarks are predicted, so that faces may lie a little off: their whole
# pictures are compared too
UNLABELLED = "pictures"


def test_subsets(dataset: Dataset) -> list[tuple[Dataset, str]]:
    """Return all subsets of ``dataset`` that are reserved for testing."""
    names = [] if dataset.name in DISJOINT else [s for s in dataset.subsets if s != "train"]
    return [(dataset, name) for name in names]


def refuse_test_faces(
    faces: Sequence[Sample], tests: Sequence[tuple[Dataset, str]], whole: bool = False
) -> dict[str, int]:
    """Check that none of ``faces`` shows a face of the subsets ``tests``; `DataError` lists those.

    ``whole`` compares whole pictures as well. Return the number of test faces compared with, by
    data set.
    """
    # a face may be in several subsets of one data set
    known = {(d.name, s.name): s for d, subset in tests for s in d.samples(subset)}
    if pairs := _pairs(faces, list(known.values()), whole) if known else []:
        more = f" and {len(pairs) - MAX_NAMED} more" if len(pairs) > MAX_NAMED else ""
        raise DataError(
            f"test faces are among those to calibrate on: {'; '.join(pairs[:MAX_NAMED])}{more}",
            "Test faces are for reporting: take them away, or calibrate on others",
        )
    names = [name for name, _ in known]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def _pairs(faces: Sequence[Sample], tests: Sequence[Sample], whole: bool) -> list[str]:
    looks = [_looks(face) for face in faces], [_looks(face) for face in tests]
    found: dict[int, int] = {}
    for view in range(1 + whole):
        ours, theirs = ([look[view] for look in group] for group in looks)
        found |= {i: k for i, k, _ in same_faces(ours, theirs)}
    return [f"{faces[i].name} shows {tests[k].name}" for i, k in sorted(found.items())]


def _looks(face: Sample) -> tuple[Picture, Picture]:
    """Return thumbnails of ``face`` and of its whole picture."""
    picture = face.load()
    height, width = picture.shape[:2]
    whole = Box(-0.5, -0.5, width, height)
    return thumbnail(picture, face.landmarks.box), thumbnail(picture, whole)
