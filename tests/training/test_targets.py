"""Training units: zero mean, unit spread, and back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import ModelError
from asmnet_edge.training.model_facts import TargetScaling

SCALING = TargetScaling(
    np.array([[0.2, 0.3], [0.8, 0.3]]), 0.1, np.array([0, 5.0, 0]), np.full(3, 10)
)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.5, 0.2, (50, 4, 2)), rng.normal([1, -5, 0], [20, 10, 5], (50, 3))


def test_a_two_point_face_by_hand() -> None:
    points, pose = SCALING.standardise(
        np.array([[[0.3, 0.3], [0.8, 0.1]]]), np.array([[20, 0, -10]])
    )
    np.testing.assert_allclose(points, [[[1, 0], [0, -2]]], atol=1e-12)
    np.testing.assert_allclose(pose, [[2, -0.5, -1]])


@given(st.integers(0, 2**32 - 1))
def test_fitted_targets_have_zero_mean_and_unit_spread(seed: int) -> None:
    points, pose = drawn(seed)
    points, pose = TargetScaling.fit(points, pose).standardise(points, pose)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-9)
    assert points.std() == pytest.approx(1)
    np.testing.assert_allclose(pose.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(pose.std(axis=0), 1)


def test_one_spread_for_all_coordinates_keeps_distances_comparable() -> None:
    points, pose = drawn(1)
    scaling = TargetScaling.fit(points * [1, 5], pose)
    differences = [
        scaling.standardise(p, pose)[0]
        for p in (points + np.array([1, 0]), points + np.array([0, 1]), points)
    ]
    np.testing.assert_allclose(
        differences[0] - differences[2], np.full((50, 4, 2), [1, 0]) / scaling.shape_scale
    )
    np.testing.assert_allclose(
        differences[1] - differences[2], np.full((50, 4, 2), [0, 1]) / scaling.shape_scale
    )


@given(st.integers(0, 2**32 - 1))
def test_what_the_network_says_comes_back_in_the_contracts_units(seed: int) -> None:
    points, pose = drawn(seed)
    scaling = TargetScaling.fit(points, pose)
    flat, units = scaling.standardise(points, pose)
    restored, degrees = scaling.restore(flat.reshape(50, 8), units)
    np.testing.assert_allclose(restored, points)
    np.testing.assert_allclose(degrees, pose, atol=1e-9)


def test_a_zero_output_is_the_mean_face() -> None:
    landmarks, pose = SCALING.restore(np.zeros((3, 4)), np.zeros((3, 3)))
    assert (landmarks == SCALING.mean_shape).all()
    assert landmarks.shape == (3, 2, 2)
    assert pose.tolist() == [[0, 5, 0]] * 3


def test_json_brings_the_same_scaling_back() -> None:
    fitted = TargetScaling.fit(*drawn(2))
    back = TargetScaling.from_json(json.loads(json.dumps(fitted.as_json())))
    for name in ("mean_shape", "shape_scale", "pose_mean", "pose_scale"):
        assert np.all(getattr(back, name) == getattr(fitted, name))


def test_an_angle_that_never_changes_does_not_become_nan() -> None:
    # as scikit-learn's StandardScaler, which leaves a constant feature at scale 1
    points, pose = drawn(3)
    pose[:, 2] = 7
    scaling = TargetScaling.fit(points, pose)
    assert np.isfinite(scaling.standardise(points, pose)[1]).all()


@pytest.mark.parametrize(
    "wrong",
    [
        (np.zeros(4), 1.0, np.zeros(3), np.ones(3)),
        (np.zeros((2, 2)), 0.0, np.zeros(3), np.ones(3)),
        (np.zeros((2, 2)), float("nan"), np.zeros(3), np.ones(3)),
        (np.zeros((2, 2)), 1.0, np.zeros(2), np.ones(3)),
        (np.zeros((2, 2)), 1.0, np.zeros(3), np.ones(())),
    ],
    ids=["flat mean", "no spread", "nan", "two angles", "one scale"],
)
def test_parts_of_the_wrong_shape_are_refused(wrong: tuple) -> None:
    with pytest.raises(ModelError, match=r"scaling|scale"):
        TargetScaling(*wrong)
