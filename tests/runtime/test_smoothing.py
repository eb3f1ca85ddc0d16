"""The One-Euro filter: steady at rest, quick in motion, independent of the frame rate."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import UsageError
from asmnet_edge.runtime.tracker import LANDMARKS, POSE, OneEuro, Smoothing

RATE = 30.0


def filtered(values: np.ndarray, smoothing: Smoothing = LANDMARKS, unit: float = 1) -> np.ndarray:
    """Each of ``values`` (frames, ...) through one filter, 30 a second."""
    smooth = OneEuro(smoothing)
    return np.stack([smooth(value, i / RATE, unit) for i, value in enumerate(values)])


def test_the_first_value_is_unchanged() -> None:
    assert OneEuro(LANDMARKS)(np.array([3.0, 4.0]), 17.0).tolist() == [3, 4]


def test_noise_at_rest_is_at_least_halved() -> None:
    noise = np.random.default_rng(0).normal(0, 0.002, (300, 68, 2))
    assert filtered(noise)[30:].std() < 0.5 * noise[30:].std()


def test_a_moving_value_lags_little() -> None:
    # a face that crosses its own width in a second
    ramp = np.arange(90)[:, None] / RATE
    assert np.abs(filtered(ramp) - ramp)[30:].max() < 0.025


def test_without_a_slope_it_is_a_plain_low_pass() -> None:
    # 1 / (1 + tau / T), tau = 1 / (2 pi 1.5), T = 1 / 30
    step = filtered(np.array([[0.0], [1.0]]), Smoothing(slope=0))
    assert step[1, 0] == pytest.approx(1 / (1 + 30 / (2 * np.pi * 1.5)))


@given(st.floats(0.1, 1000))
def test_the_size_of_a_face_does_not_matter(scale: float) -> None:
    path = np.random.default_rng(1).normal(0, 0.1, (20, 5)).cumsum(axis=0)
    one, other = filtered(path), filtered(scale * path, unit=scale)
    np.testing.assert_allclose(other, scale * one, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("later", [1.0, 0.5])
def test_a_time_that_does_not_increase_restarts_the_filter(later: float) -> None:
    smooth = OneEuro(LANDMARKS)
    smooth(np.zeros(2), 1.0)
    assert smooth(np.ones(2), later).tolist() == [1, 1]


def test_frequencies_are_positive() -> None:
    with pytest.raises(UsageError, match="positive"):
        Smoothing(cutoff=0)


def test_angles_are_smoothed_across_the_wrap() -> None:
    turn = 2.0 * np.arange(400)[:, None]  # 60 degrees a second, more than twice around
    wrapped = (turn + 180) % 360 - 180
    found = filtered(wrapped, POSE)
    assert (np.abs(found) <= 180).all()
    behind = (wrapped - found + 180) % 360 - 180
    assert behind[30:].min() > 0
    assert behind[30:].max() < 4


def test_within_its_range_an_angle_is_smoothed_as_any_value() -> None:
    path = np.random.default_rng(1).normal(0, 20, (50, 3)).clip(-80, 80)
    assert (filtered(path, POSE) == filtered(path, replace(POSE, period=None))).all()
