"""Metrics on faces small enough to work out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asmnet_edge.geometry.metrics import (
    NORMALISERS,
    angle_errors,
    auc,
    bootstrap_interval,
    box_size,
    failure_rate,
    inter_ocular,
    inter_pupil,
    nme,
    point_errors,
)
from asmnet_edge.geometry.schemes import IBUG68, WFLW98, LandmarkScheme

# two faces: a rectangle with its eyes 4 apart, and one of half the size
RECTANGLE = np.array([[0, 0], [4, 0], [4, 9], [0, 9.0]])
FACES = np.stack([RECTANGLE, RECTANGLE / 2 + 1])
ERRORS = arrays(float, st.integers(1, 30), elements=st.floats(0, 0.5))


def test_each_normaliser_measures_the_face(square_scheme: LandmarkScheme) -> None:
    assert inter_ocular(FACES, square_scheme).tolist() == [4, 2]
    assert inter_pupil(FACES, square_scheme).tolist() == [4, 2]
    assert box_size(FACES, square_scheme).tolist() == [6, 3]  # sqrt(4 x 9)


@pytest.mark.parametrize(("scheme", "left", "right"), [(IBUG68, 36, 45), (WFLW98, 60, 72)])
def test_inter_ocular_is_between_the_outer_corners(
    scheme: LandmarkScheme, left: int, right: int
) -> None:
    face = np.zeros((1, scheme.points, 2))
    face[0, left], face[0, right] = [1, 1], [4, 5]
    assert inter_ocular(face, scheme).tolist() == [5]


def test_inter_pupil_is_between_the_middles_of_the_eyes() -> None:
    face = np.full((1, 68, 2), 77.0)
    face[0, 36:42] = [[-1, 0], [1, 0]] * 3
    face[0, 42:48] = [[9, 0], [11, 0]] * 3
    assert inter_pupil(face, IBUG68).tolist() == [10]


def test_one_point_off_by_one_eye_distance_is_a_quarter_of_the_square(
    square_scheme: LandmarkScheme,
) -> None:
    predicted = FACES.copy()
    predicted[0, 2] += [0, 4]
    assert nme(predicted, FACES, square_scheme).tolist() == [0.25, 0]
    assert point_errors(predicted, FACES, square_scheme)[0].tolist() == [0, 0, 1, 0]


def test_all_points_off_by_three_and_four_are_off_by_five(square_scheme: LandmarkScheme) -> None:
    assert nme(FACES + np.array([3, 4]), FACES, square_scheme).tolist() == [5 / 4, 5 / 2]
    assert nme(FACES + np.array([3, 4]), FACES, square_scheme, "box").tolist() == [5 / 6, 5 / 3]


def test_the_truth_and_not_the_prediction_normalises(square_scheme: LandmarkScheme) -> None:
    assert nme(FACES * 0, FACES, square_scheme)[0] == np.hypot(*RECTANGLE.T).mean() / 4


@pytest.mark.parametrize("normaliser", NORMALISERS)
@given(
    scale=st.floats(0.1, 50), shift=st.floats(-99, 99), degrees=st.sampled_from([0, 90, 180, 270])
)
def test_no_unit_or_place_changes_the_nme(
    square_scheme: LandmarkScheme, normaliser: str, scale: float, shift: float, degrees: int
) -> None:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    predicted = FACES + np.random.default_rng(1).normal(size=FACES.shape)
    moved = [scale * f @ np.array([[c, -s], [s, c]]) + shift for f in (predicted, FACES)]
    expected = nme(predicted, FACES, square_scheme, normaliser)
    np.testing.assert_allclose(nme(*moved, square_scheme, normaliser), expected, rtol=1e-6)


def test_failures_are_above_the_threshold_not_at_it() -> None:
    assert failure_rate(np.array([0.01, 0.08, 0.081, 0.5]), 0.08) == 0.5


def test_area_under_three_steps() -> None:
    # rectangles of width 0.08, 0.04, 0 and 0, a quarter high each: 0.03 of 0.08
    assert auc(np.array([0, 0.04, 0.08, 0.2]), 0.08) == pytest.approx(0.03 / 0.08)


@given(ERRORS)
def test_the_area_is_that_under_the_cumulative_curve(errors: np.ndarray) -> None:
    thresholds = (np.arange(4000) + 0.5) / 4000 * 0.1
    curve = (errors[:, None] <= thresholds).mean(axis=0)
    assert auc(errors, 0.1) == pytest.approx(curve.mean(), abs=1e-3)


@given(ERRORS)
def test_perfect_faces_have_area_1_and_hopeless_ones_0(errors: np.ndarray) -> None:
    assert auc(errors * 0, 0.08) == pytest.approx(1)
    assert auc(errors + 0.08, 0.08) == 0


def test_angles_differ_by_the_shorter_way_round() -> None:
    predicted, truth = np.array([[10, 170, -179.0]]), np.array([[-10, -170, 179.0]])
    np.testing.assert_allclose(angle_errors(predicted, truth), [[20, 20, 2]])


@given(st.floats(-180, 180), st.floats(-180, 180))
def test_angle_errors_are_symmetric_and_at_most_half_a_turn(a: float, b: float) -> None:
    one, other = (angle_errors(np.array(p), np.array(q)) for p, q in ((a, b), (b, a)))
    assert one == pytest.approx(other, abs=1e-9)
    assert 0 <= one <= 180


def test_the_bootstrap_agrees_with_the_normal_interval() -> None:
    values = np.random.default_rng(5).normal(3, 2, 400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_more_certainty_needs_a_wider_interval() -> None:
    values = np.random.default_rng(6).exponential(size=50)
    (low90, high90), (low99, high99) = (bootstrap_interval(values, level) for level in (0.9, 0.99))
    assert low99 < low90 < values.mean() < high90 < high99


def test_frames_of_one_video_are_drawn_together() -> None:
    videos = np.random.default_rng(0).normal(5, 1, 12)
    frames, identities = np.repeat(videos, 40), [f"video {n}" for n in range(12) for _ in range(40)]
    assert bootstrap_interval(frames, identities=identities) == pytest.approx(
        bootstrap_interval(videos)
    )
    low, high = bootstrap_interval(frames)
    assert high - low < 0.3 * np.subtract(*bootstrap_interval(videos)[::-1])


def test_identities_that_are_all_alike_or_all_different_change_nothing() -> None:
    values = np.random.default_rng(0).random(30)
    for identities in ([str(n) for n in range(30)], ["one"] * 30, []):
        assert bootstrap_interval(values, identities=identities) == bootstrap_interval(values)


def test_the_bootstrap_draws_the_same_with_the_same_seed() -> None:
    values = np.random.default_rng(7).normal(size=30)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_faces_that_agree_leave_no_doubt() -> None:
    assert bootstrap_interval(np.full(9, 2.5)) == (2.5, 2.5)
