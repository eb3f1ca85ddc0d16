"""Batches: what step k sees depends on the seed and k alone, and targets fit each other."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from asmnet_edge.datasets.pack import Pack, make_pack
from asmnet_edge.geometry.crop import transform
from asmnet_edge.geometry.pose import fit_pose
from asmnet_edge.geometry.shape_model import normalise
from asmnet_edge.io.images import encode_image
from asmnet_edge.training.augmentation import NO_AUGMENTATION, Augmentation
from asmnet_edge.training.batches import Batch, BatchPlan, BatchWorkers, Source
from asmnet_edge.training.model_facts import TargetScaling

SIZE = 64
AS_IT_IS = TargetScaling(np.zeros((68, 2)), 1.0, np.zeros(3), np.ones(3))
MOVES = replace(NO_AUGMENTATION, rotation=15, scale=0.08, shift=0.04, flip=0.5)


@pytest.fixture(scope="module")
def plan(face_pack: Pack) -> BatchPlan:
    return BatchPlan((Source(face_pack),), 6, 10, Augmentation(), seed=5)


def same(one: Batch, other: Batch) -> bool:
    pictures = (one[0] == other[0]).all()
    return bool(pictures and all((one[1][name] == other[1][name]).all() for name in one[1]))


def test_a_batch_has_the_formats_that_training_wants(plan: BatchPlan) -> None:
    pictures, targets = plan.make(0, SIZE, AS_IT_IS)
    assert (pictures.shape, pictures.dtype) == ((6, SIZE, SIZE, 3), np.uint8)
    assert {name: value.shape for name, value in targets.items()} == {
        "landmarks": (6, 68, 2),
        "pose": (6, 3),
        "shape": (6, 68, 2),
        "frame": (6, 2, 3),
    }
    assert {value.dtype for value in targets.values()} == {np.dtype(np.float32)}


def test_a_step_is_the_same_whatever_was_made_before(plan: BatchPlan, face_pack: Pack) -> None:
    fresh = BatchPlan((Source(face_pack),), 6, 10, Augmentation(), seed=5)
    later = [plan.make(step, SIZE, AS_IT_IS) for step in (9, 0, 4)]
    assert same(fresh.make(4, SIZE, AS_IT_IS), later[2])


def test_another_step_or_seed_is_another_batch(plan: BatchPlan) -> None:
    batch = plan.make(4, SIZE, AS_IT_IS)
    assert not same(plan.make(5, SIZE, AS_IT_IS), batch)
    assert not same(replace(plan, seed=6).make(4, SIZE, AS_IT_IS), batch)


def test_faces_of_a_batch_are_drawn_apart(plan: BatchPlan) -> None:
    pictures, _ = plan.make(0, SIZE, AS_IT_IS)
    assert all((pictures[i] != pictures[j]).any() for i in range(6) for j in range(i))


def test_parts_of_a_batch_make_up_the_whole(plan: BatchPlan) -> None:
    pictures, targets = plan.make(3, SIZE, AS_IT_IS)
    parts = [plan.make(3, SIZE, AS_IT_IS, part) for part in (range(0, 4), range(4, 6))]
    assert (np.concatenate([part for part, _ in parts]) == pictures).all()
    for name, whole in targets.items():
        assert (np.concatenate([part[name] for _, part in parts]) == whole).all()


def test_the_frame_carries_the_shape_onto_the_landmarks(plan: BatchPlan) -> None:
    for step in range(10):
        targets = plan.targets(step, SIZE)
        for shape, frame, landmarks in zip(
            targets["shape"], targets["frame"], targets["landmarks"], strict=True
        ):
            np.testing.assert_allclose(transform(shape, frame), landmarks, atol=1e-9)


def test_shapes_are_normalised_and_upright(plan: BatchPlan) -> None:
    shapes = np.concatenate([plan.targets(step, SIZE)["shape"] for step in range(10)])
    np.testing.assert_allclose(normalise(shapes), shapes, atol=1e-9)
    # in the picture's own frame, before any view turned it; mirrored ones are in scheme order again
    assert (shapes[:, 36, 0] < shapes[:, 45, 0]).all()
    assert (shapes[:, 8, 1] > shapes[:, 27, 1]).all()


def test_shapes_come_mirrored_too(face_pack: Pack) -> None:
    known = normalise(face_pack.points)
    flipped = (known * [-1, 1])[:, face_pack.scheme.flip]
    counts = []
    for flip, expected in ((0.0, known), (1.0, flipped)):
        augmentation = replace(MOVES, flip=flip)
        shapes = BatchPlan((Source(face_pack),), 8, 1, augmentation, 0).targets(0, SIZE)["shape"]
        distances = np.abs(shapes[:, None] - expected[None]).max(axis=(2, 3))
        counts.append((distances.min(axis=1) < 1e-9).sum())
    assert counts == [8, 8]


def test_pose_goes_with_the_landmarks(face_samples: Callable, face_points: Callable) -> None:
    # without noise a fit to the landmarks of a view must find the pose that the view was given
    samples = face_samples(4)
    clean = [
        replace(s, landmarks=replace(s.landmarks, points=face_points(s.pose))) for s in samples
    ]
    plan = BatchPlan((Source(make_pack(clean)),), 16, 4, MOVES, seed=1)
    for step in range(4):
        targets = plan.targets(step, SIZE)
        np.testing.assert_allclose(fit_pose(targets["landmarks"]), targets["pose"], atol=1e-2)


def test_landmarks_lie_where_the_picture_shows_them(
    draw_dot: Callable, find_dot: Callable, face_pack: Pack
) -> None:
    tip = 30  # on the midline: a flip keeps its index
    dots = [draw_dot(points[tip], 320, 320, radius=5) for points in face_pack.points]
    jpegs = tuple(encode_image(dot, ".png") for dot in dots)
    plan = BatchPlan((Source(replace(face_pack, jpegs=jpegs)),), 12, 3, MOVES, seed=2)
    for step in range(3):
        pictures, targets = plan.make(step, SIZE, AS_IT_IS)
        for picture, landmarks in zip(pictures, targets["landmarks"], strict=True):
            found = (find_dot(picture) + 0.5) / SIZE  # the contract's relative units
            np.testing.assert_allclose(found, landmarks[tip], atol=0.2 / SIZE)


def test_pictures_are_rgb(face_pack: Pack) -> None:
    blue = np.zeros((320, 320, 3), np.uint8)
    blue[..., 0] = 255  # OpenCV's order is BGR
    jpegs = (encode_image(blue, ".png"),) * len(face_pack)
    plan = BatchPlan((Source(replace(face_pack, jpegs=jpegs)),), 1, 1, NO_AUGMENTATION, 0)
    picture = plan.make(0, SIZE, AS_IT_IS)[0][0]
    assert picture[32, 32].tolist() == [0, 0, 255]


def test_targets_alone_are_those_of_the_batch(plan: BatchPlan) -> None:
    alone, (_, made) = plan.targets(3, SIZE), plan.make(3, SIZE, AS_IT_IS)
    for name in alone:
        np.testing.assert_allclose(made[name], alone[name], rtol=1e-6, atol=1e-6)


def test_resolution_changes_neither_landmarks_nor_pose(plan: BatchPlan) -> None:
    small, large = plan.targets(3, 64), plan.targets(3, 224)
    for name in small:
        np.testing.assert_allclose(small[name], large[name], atol=1e-9)


def test_targets_are_standardised_in_a_batch(plan: BatchPlan) -> None:
    scaling = TargetScaling(np.full((68, 2), 0.5), 0.1, np.array([1.0, 2, 3]), np.full(3, 10))
    plain, scaled = plan.targets(0, SIZE), plan.make(0, SIZE, scaling)[1]
    np.testing.assert_allclose(scaled["landmarks"], (plain["landmarks"] - 0.5) / 0.1, atol=1e-5)
    np.testing.assert_allclose(scaled["pose"], (plain["pose"] - [1, 2, 3]) / 10, atol=1e-5)
    np.testing.assert_allclose(scaled["shape"], plain["shape"], atol=1e-6)


def test_shares_move_from_the_first_to_the_last(face_pack: Pack) -> None:
    left, right = face_pack.select(np.array([0])), face_pack.select(np.array([11]))
    sources = (Source(left, 1.0, 0.0), Source(right, 0.0, 1.0))
    plan = BatchPlan(sources, 200, 3, NO_AUGMENTATION, 0)
    right_share = [
        np.isclose(plan.targets(step, SIZE)["pose"], right.pose).all(axis=1).mean()
        for step in range(3)
    ]
    assert right_share[0] == 0
    assert right_share[1] == pytest.approx(0.5, abs=0.12)
    assert right_share[2] == 1


def test_a_plan_of_one_step_can_be_made(face_pack: Pack) -> None:
    plan = BatchPlan((Source(face_pack),), 1, 1, NO_AUGMENTATION, 0)
    assert plan.make(0, SIZE, AS_IT_IS)[0].shape == (1, SIZE, SIZE, 3)


def test_workers_make_the_same_batches_in_order(face_samples: Callable) -> None:
    # pictures and names of a pack can travel to another process, the scheme by its name
    plan = BatchPlan((Source(make_pack(face_samples(3))),), 2, 9, Augmentation(), seed=3)
    workers = BatchWorkers(plan, 1)
    try:
        made = list(workers.stream(range(2, 9), 32, AS_IT_IS))
    finally:
        workers.close()
    assert [step for step, _ in made] == list(range(2, 9))
    assert all(same(batch, plan.make(step, 32, AS_IT_IS)) for step, batch in made)
