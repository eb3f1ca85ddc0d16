"""Yaw to the right, pitch up, roll clockwise: signs, angles and the fit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.geometry.crop import crop_matrix, transform
from asmnet_edge.geometry.pose import (
    angles,
    fit_pose,
    fit_weak_perspective,
    in_plane_roll,
    mean_face,
    mirrored,
    rigid_points,
    rotation,
    turned,
)
from asmnet_edge.geometry.schemes import IBUG68, WFLW98, LandmarkScheme

POSES = st.tuples(st.floats(-85, 85), st.floats(-175, 175), st.floats(-175, 175)).map(np.array)
LIKELY = st.tuples(st.floats(-60, 60), st.floats(-35, 35), st.floats(-170, 170)).map(np.array)
NOSE_TIP, CHIN = np.array([0, 0, -1.0]), np.array([0, 1.0, 0])


@given(POSES)
def test_angles_undo_rotation(pose: np.ndarray) -> None:
    np.testing.assert_allclose(angles(rotation(pose)), pose, atol=1e-6)


@given(POSES)
def test_rotations_are_rotations(pose: np.ndarray) -> None:
    turn = rotation(pose)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


@given(POSES)
def test_the_rotation_is_roll_after_yaw_after_pitch(pose: np.ndarray) -> None:
    def about(axis: int, degrees: float) -> np.ndarray:
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        turn, (i, j) = np.eye(3), [(1, 2), (2, 0), (0, 1)][axis]
        turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
        return turn

    yaw, pitch, roll = pose
    expected = about(2, roll) @ about(1, -yaw) @ about(0, -pitch)
    np.testing.assert_allclose(rotation(pose), expected, atol=1e-12)


def test_positive_yaw_points_the_nose_to_the_right() -> None:
    x, y, _ = rotation(np.array([30, 0, 0])) @ NOSE_TIP
    assert (x, y) == pytest.approx((0.5, 0))


def test_positive_pitch_points_the_nose_up() -> None:
    x, y, _ = rotation(np.array([0, 30, 0])) @ NOSE_TIP
    assert (x, y) == pytest.approx((0, -0.5))


def test_positive_roll_swings_the_chin_to_the_left() -> None:
    x, y, _ = rotation(np.array([0, 0, 30])) @ CHIN
    assert (x, y) == pytest.approx((-0.5, np.sqrt(0.75)))


def test_many_poses_at_once_are_the_same_as_one_by_one() -> None:
    poses = np.random.default_rng(0).uniform(-80, 80, (2, 3, 3))
    each = [[rotation(pose) for pose in row] for row in poses]
    np.testing.assert_allclose(rotation(poses), each)
    np.testing.assert_allclose(angles(rotation(poses)), poses)


@given(LIKELY, st.floats(0.5, 300))
@settings(max_examples=60)
def test_the_fit_finds_the_pose_it_was_shown(
    face_points: Callable, pose: np.ndarray, unit: float
) -> None:
    seen = face_points(pose, unit)[None]
    np.testing.assert_allclose(fit_pose(seen)[0], pose, atol=1e-3)


@given(LIKELY, st.integers(0, 99), st.floats(-9, 9))
@settings(max_examples=40)
def test_turning_and_mirroring_a_picture_turns_and_mirrors_its_pose(
    face_points: Callable, pose: np.ndarray, seed: int, clockwise: float
) -> None:
    # with noise, since no real face is the mean face
    seen = face_points(pose) + np.random.default_rng(seed).normal(0, 1, (68, 2))
    fitted = fit_pose(seen[None])
    matrix = crop_matrix((99, 77), 150, 128, rotation=clockwise, mirrored=True)
    view = transform(seen, matrix)[IBUG68.flip]
    expected = mirrored(turned(fitted, clockwise))
    difference = (fit_pose(view[None]) - expected + 180) % 360 - 180
    np.testing.assert_allclose(difference, 0, atol=1e-2)


def test_the_fit_finds_scale_and_leaves_no_residual() -> None:
    model = mean_face()[rigid_points()]
    seen = 7 * model[:, :2] + [100, -20]
    turn, scale, residual = fit_weak_perspective(seen[None], model)
    np.testing.assert_allclose(turn[0], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(scale, 7)
    np.testing.assert_allclose(residual, 0, atol=1e-6)


def test_labels_of_drawn_faces_are_near_their_exact_pose() -> None:
    samples = DrawnFaces(250, seed=1).samples("train")
    exact = np.stack([sample.pose for sample in samples])
    errors = np.abs(fit_pose(np.stack([s.landmarks.points for s in samples])) - exact)
    # other people's faces, with their expressions, against one mean face
    assert (errors.mean(axis=0) < [3.5, 3.0, 0.6]).all()
    turned = np.abs(exact[:, 0]) > 25
    assert turned.sum() > 40
    assert (errors[turned].mean(axis=0) < [4.0, 2.5, 0.8]).all()


def test_98_points_are_fitted_by_the_68_among_them(face_points: Callable) -> None:
    seen = np.full((98, 2), np.nan)  # whatever is not among the 68 must not be looked at
    seen[list(WFLW98.to_ibug68)] = face_points((20, -10, 5))
    np.testing.assert_allclose(fit_pose(seen[None], WFLW98), [[20, -10, 5]], atol=1e-3)


def test_the_jaw_and_the_open_mouth_do_not_turn_the_head(face_points: Callable) -> None:
    seen = face_points((20, -10, 5))
    seen[:17] += 30
    seen[60:] -= 30
    np.testing.assert_allclose(fit_pose(seen[None]), [[20, -10, 5]], atol=1e-3)


def test_mirroring_negates_yaw_and_roll() -> None:
    assert mirrored(np.array([10.0, 20.0, 30.0])).tolist() == [-10, 20, -30]


def test_turning_adds_to_roll_the_short_way_round() -> None:
    assert turned(np.array([1.0, 2.0, 170.0]), 20).tolist() == [1, 2, -170]
    assert turned(np.array([1.0, 2.0, -170.0]), -20).tolist() == [1, 2, 170]


def test_turning_leaves_the_given_pose_alone() -> None:
    pose = np.zeros((4, 3))
    turned(pose, 15)
    assert (pose == 0).all()


def test_the_mean_face_has_its_eyes_at_0_and_an_inter_ocular_distance_of_1() -> None:
    face = mean_face()
    assert face.shape == (68, 3)
    eyes = face[[*IBUG68.eyes[0], *IBUG68.eyes[1]]].mean(axis=0)
    np.testing.assert_allclose(eyes, 0, atol=1e-3)
    assert np.linalg.norm(face[36] - face[45]) == pytest.approx(1, abs=1e-3)


def test_the_mean_face_is_built_like_a_face() -> None:
    x, y, z = mean_face().T
    assert x[16] > x[45] > 0 > x[36] > x[0]
    assert y[8] > y[57] > y[30] > y[27]  # chin, lower lip, tip and root of the nose: downwards
    assert z.argmin() in range(29, 34)  # the tip of the nose is nearest to the camera


def test_nobody_can_change_the_mean_face() -> None:
    with pytest.raises(ValueError, match="read-only"):
        mean_face()[0] = 0


def test_real_training_faces_look_into_the_camera_on_average(real_data: Path) -> None:
    shapes = [s.landmarks.points for s in W300(real_data / "300w").samples("train")]
    poses = fit_pose(np.stack(shapes))
    assert np.isfinite(poses).all()
    assert np.abs(np.median(poses, axis=0)).max() < 6
    assert 8 < np.abs(poses[:, 0]).mean() < 25  # 300W holds profiles up to about 60 degrees


@given(st.floats(-40, 40), st.floats(-180, 180))
def test_the_roll_in_the_plane_of_a_face_that_looks_ahead_is_its_roll(
    face_points: Callable, pitch: float, roll: float
) -> None:
    found = in_plane_roll(face_points(pose=(0, pitch, roll)))
    assert (found - roll + 180) % 360 - 180 == pytest.approx(0, abs=0.1)


@given(LIKELY, st.floats(-180, 180))
def test_turning_the_picture_adds_to_the_roll_in_the_plane(
    face_points: Callable, pose: np.ndarray, clockwise: float
) -> None:
    points = face_points(pose=pose)
    more = transform(points, crop_matrix((30, 40), 200, 100, clockwise))
    added = in_plane_roll(more) - in_plane_roll(points)
    assert (added - clockwise + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_in_profile_it_is_steady_where_roll_is_not(face_points: Callable) -> None:
    rng = np.random.default_rng(0)
    faces = face_points(pose=(85, 0, 0)) + rng.normal(
        0, 3, (100, 68, 2)
    )  # 5 % of the eyes' distance
    assert np.std([in_plane_roll(face) for face in faces]) < 2
    assert fit_pose(faces)[:, 2].std() > 10


def test_schemes_are_tilted_alike(face_points: Callable, square_scheme: LandmarkScheme) -> None:
    points, wflw = face_points(pose=(20, 10, 50)), np.zeros((98, 2))
    wflw[list(WFLW98.to_ibug68)] = points
    assert in_plane_roll(wflw, WFLW98) == pytest.approx(in_plane_roll(points))
    assert in_plane_roll(np.array([[0, 0], [1, -1], [9, 9], [7, 9]]), square_scheme) == -45
