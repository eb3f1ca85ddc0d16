"""Annotated crops: annotations lie where the face lies, and what does not fit is refused."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from asmnet_edge.datasets.annotated_crops import (
    AnnotatedCrops,
    Annotations,
    crops_of,
    relative_landmarks,
)
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.crop import CropRule

RULE = CropRule(margin=1.25, size=64)
Draw = Callable[[int], list[Sample]]


@pytest.fixture(scope="module")
def faces(face_samples: Draw) -> AnnotatedCrops:
    return AnnotatedCrops.of(face_samples(4), RULE)


def test_the_box_of_the_landmarks_is_centred_with_the_margin_around_it(
    faces: AnnotatedCrops,
) -> None:
    assert faces.landmarks is not None
    low, high = faces.landmarks.min(axis=1), faces.landmarks.max(axis=1)
    np.testing.assert_allclose((low + high) / 2, 0.5)
    np.testing.assert_allclose((high - low).max(axis=1), 1 / 1.25)


def test_crops_pose_and_identities_are_those_of_the_samples(
    faces: AnnotatedCrops, face_samples: Draw
) -> None:
    samples = face_samples(4)
    assert (faces.crops == crops_of(samples, RULE)).all()
    assert faces.pose is not None
    np.testing.assert_array_equal(
        faces.pose, np.stack([s.pose for s in samples if s.pose is not None])
    )
    assert faces.identities == ("person0", "person0", "person1", "person1")


def test_a_selection_keeps_the_annotations_beside_the_crops(faces: AnnotatedCrops) -> None:
    part = faces.select(np.array([3, 0]))
    assert len(part) == 2
    assert (part.crops[0] == faces.crops[3]).all()
    assert faces.landmarks is not None
    assert part.nme(faces.landmarks[[3, 0]]).tolist() == [0, 0]
    assert part.nme(faces.landmarks[[0, 3]]).min() > 0
    assert part.identities == ("person1", "person0")


def test_annotations_of_other_faces_are_refused(faces: AnnotatedCrops) -> None:
    for wrong in ({"landmarks": faces.landmarks}, {"pose": faces.pose}):
        with pytest.raises(DataError, match=r"must be \(3, .*got \(4, "):
            AnnotatedCrops(faces.crops[:3], faces.scheme, **wrong)
    with pytest.raises(DataError, match="expected 4 identities, got 1"):
        AnnotatedCrops(faces.crops, faces.scheme, identities=("one",))


def test_without_landmarks_there_is_no_nme(faces: AnnotatedCrops) -> None:
    assert faces.landmarks is not None
    with pytest.raises(DataError, match="needs annotated landmarks"):
        AnnotatedCrops(faces.crops, faces.scheme).nme(faces.landmarks)


def test_labels_alone_are_those_beside_the_crops(faces: AnnotatedCrops, face_samples: Draw) -> None:
    labels, both = Annotations.of(face_samples(4), RULE), faces.annotations
    assert both is not None
    np.testing.assert_array_equal(both.landmarks, labels.landmarks)
    np.testing.assert_array_equal(relative_landmarks(face_samples(4), RULE), labels.landmarks)
    np.testing.assert_array_equal(both.pose, labels.pose)
    assert both.pose_is_exact
    assert both.identities == labels.identities
    assert AnnotatedCrops(faces.crops, faces.scheme, faces.landmarks).annotations is None


def test_labels_are_selected_together_and_checked(face_samples: Draw) -> None:
    labels = Annotations.of(face_samples(4), RULE)
    part = labels.select(np.array([3, 0]))
    assert part.identities == ("person1", "person0")
    np.testing.assert_array_equal(part.pose, labels.pose[[3, 0]])
    assert part.nme(labels.landmarks[[3, 0]]).tolist() == [0, 0]
    with pytest.raises(DataError, match=r"pose must be \(4, 3\), got \(3, 3\)"):
        Annotations(labels.landmarks, labels.pose[:3], labels.scheme)


def test_a_pose_fitted_for_one_face_is_not_called_exact(face_samples: Draw) -> None:
    samples = face_samples(3)
    labels = Annotations.of([*samples[:2], replace(samples[2], pose=None)], RULE)
    assert not labels.pose_is_exact


def test_faces_of_one_identity_are_drawn_together(face_samples: Draw) -> None:
    labels, values = Annotations.of(face_samples(4), RULE), np.array([0.0, 0, 1, 1])
    assert labels.interval(values) == [0, 1]
