"""Shapes made comparable: by their boxes, or turned onto their mean."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.datasets.w300 import W300
from asmnet_edge.geometry.shape_model import normalise, procrustes, superimpose

SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])
RHOMBUS = np.array([[0, -2], [1, 0], [0, 2], [-1, 0.0]])


def test_a_rhombus_is_centred_on_its_box_and_divided_by_its_longer_side() -> None:
    expected = [[0, -0.5], [0.25, 0], [0, 0.5], [-0.25, 0]]
    np.testing.assert_allclose(normalise(RHOMBUS[None] * 3 + [7, 9])[0], expected)


@given(st.floats(0.1, 100), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 2**32 - 1))
def test_normalising_forgets_place_and_size(scale: float, x: float, y: float, seed: int) -> None:
    shapes = np.random.default_rng(seed).normal(size=(2, 6, 2))
    np.testing.assert_allclose(normalise(scale * shapes + [x, y]), normalise(shapes), atol=1e-8)


def test_squares_turned_and_scaled_are_one_square() -> None:
    quarter = np.array([[0, 1], [-1, 0]])
    turned = [SQUARE, 5 * SQUARE @ quarter + [3, 4], 0.1 * SQUARE @ quarter @ quarter - 9]
    # from point 0 to point 1 straight to the right, and of size 1
    np.testing.assert_allclose(
        procrustes(np.stack(turned), (0, 1)), [SQUARE / np.sqrt(8)] * 3, atol=1e-12
    )


def test_a_mirrored_shape_stays_mirrored() -> None:
    kite = np.array([[0, 0], [3, 0], [2, 1], [0, 2.0]])
    aligned = superimpose(np.stack([kite, kite * [-1, 1]]), kite)
    centred = kite - kite.mean(axis=0)
    np.testing.assert_allclose(aligned[0], centred / np.linalg.norm(centred), atol=1e-12)
    assert np.abs(aligned[1] - aligned[0]).max() > 0.1


@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(-0.2, 0.2))
def test_no_other_turn_or_size_comes_nearer(seed: int, angle: float, growth: float) -> None:
    shape, reference = np.random.default_rng(seed).normal(size=(2, 6, 2))
    reference = reference - reference.mean(axis=0)
    reference /= np.linalg.norm(reference)
    best = superimpose(shape, reference)
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    other = np.exp(growth) * best @ turn
    assert np.linalg.norm(best - reference) <= np.linalg.norm(other - reference) + 1e-9


def by_iteration(shapes: np.ndarray) -> np.ndarray:
    """The Procrustes mean (n, 2) as Gower and Cootes find it, by SVD of 2 x 2 matrices."""
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    shapes = shapes / np.linalg.norm(shapes, axis=(1, 2), keepdims=True)
    mean = shapes[0]
    for _ in range(30):
        u, s, vt = np.linalg.svd(shapes.swapaxes(1, 2) @ mean)
        s[:, 1] *= np.linalg.det(u @ vt)  # no mirroring
        u[:, :, 1] *= np.linalg.det(u @ vt)[:, None]
        aligned = s.sum(axis=1)[:, None, None] * shapes @ (u @ vt)
        mean = aligned.mean(axis=0) / np.linalg.norm(aligned.mean(axis=0))
    return mean


def level(mean: np.ndarray, left: int, right: int) -> np.ndarray:
    c, s = (mean[right] - mean[left]) / np.linalg.norm(mean[right] - mean[left])
    return mean @ [[c, -s], [s, c]]


def test_the_mean_is_where_turning_and_averaging_in_turn_end_up() -> None:
    rng = np.random.default_rng(2)
    shapes = RHOMBUS + rng.normal(0, 0.3, (40, 4, 2))
    mean = procrustes(shapes, (3, 1)).mean(axis=0)
    expected = level(by_iteration(shapes), 3, 1)
    np.testing.assert_allclose(mean / np.linalg.norm(mean), expected, atol=1e-9)


def test_real_faces_have_the_mean_that_iteration_finds(real_data: Path) -> None:
    samples = W300(real_data / "300w").samples("train")
    shapes = np.stack([sample.landmarks.points for sample in samples])
    mean = procrustes(shapes, (36, 45)).mean(axis=0)
    expected = level(by_iteration(shapes), 36, 45)
    np.testing.assert_allclose(mean / np.linalg.norm(mean), expected, atol=1e-9)
    assert mean[36, 1] == pytest.approx(mean[45, 1])
    assert mean[8, 1] > mean[27, 1]  # upright
