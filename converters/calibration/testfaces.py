"""Keeping test faces out of calibration by what their pictures show, whatever they are called."""

from __future__ import annotations

from collections.abc import Sequence

from asmnet_edge.data.duplicates import same_faces, thumbnail
from asmnet_edge.data.sample import Dataset, Sample
from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import Box
from asmnet_edge.pictures import Picture

TOLD = 5  # faces that an error names
# drawn faces of the two subsets differ by their numbers, and to draw them takes long
DISJOINT = ("synthetic",)
# where landmarks are a model's guess the face may lie a little off: whole pictures are compared too
UNLABELLED = "pictures"


def test_subsets(dataset: Dataset) -> list[tuple[Dataset, str]]:
    """All subsets of ``dataset`` that nothing may be learnt from."""
    names = [] if dataset.name in DISJOINT else [s for s in dataset.subsets if s != "train"]
    return [(dataset, name) for name in names]


def refuse_test_faces(
    faces: Sequence[Sample], tests: Sequence[tuple[Dataset, str]], whole: bool = False
) -> dict[str, int]:
    """How many test faces of each data set ``faces`` were compared with.

    `DataError` names those of ``faces`` that show the same as a face of the subsets ``tests``;
    ``whole`` compares their whole pictures as well.
    """
    # a face may be in several subsets of one data set
    known = {(d.name, s.name): s for d, subset in tests for s in d.samples(subset)}
    if pairs := _pairs(faces, list(known.values()), whole) if known else []:
        more = f" and {len(pairs) - TOLD} more" if len(pairs) > TOLD else ""
        raise DataError(
            f"test faces are among those to calibrate on: {'; '.join(pairs[:TOLD])}{more}",
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
    """Thumbnails of ``face`` and of its whole picture."""
    picture = face.load()
    height, width = picture.shape[:2]
    whole = Box(-0.5, -0.5, width, height)
    return thumbnail(picture, face.landmarks.box), thumbnail(picture, whole)
