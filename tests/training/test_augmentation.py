"""Other views of a face: whatever happens to the picture happens to its points."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asmnet_edge.geometry.crop import CropRule, invert, transform
from asmnet_edge.geometry.landmarks import bounding_box
from asmnet_edge.geometry.pose import fit_pose, mirrored, turned
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.training.augmentation import NO_AUGMENTATION, Augmentation, draw_view, render

MOVES = replace(NO_AUGMENTATION, rotation=15, scale=0.08, shift=0.04, flip=0.5)
PIXEL_EFFECTS = ("light", "grey", "blur", "noise", "occlusion", "low_resolution")
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    """A picture with some structure and some colour."""
    rng = np.random.default_rng(0)
    return np.kron(rng.integers(30, 220, (20, 20, 3)), np.ones((16, 16, 1))).astype(np.uint8)


@given(seed=SEEDS, size=st.sampled_from([64, 96, 160]))
@settings(max_examples=40)
def test_points_move_with_the_picture(
    draw_dot: Callable, find_dot: Callable, face_points: Callable, seed: int, size: int
) -> None:
    points = face_points(unit=90, centre=(160, 140))
    rng = np.random.default_rng(seed)
    view = draw_view(points, size, MOVES, rng)
    crop = render(draw_dot(points[30], 320, 320, radius=4), view, size, NO_AUGMENTATION, rng)
    expected = transform(points[30], view.matrix)
    np.testing.assert_allclose(find_dot(crop), expected, atol=0.15)


@given(seed=SEEDS)
def test_a_view_knows_how_it_was_turned_and_mirrored(face_points: Callable, seed: int) -> None:
    points = face_points((20, -10, 5))
    view = draw_view(points, 128, MOVES, np.random.default_rng(seed))
    seen = transform(points, view.matrix)
    expected = turned(np.array([[20.0, -10, 5]]), view.rotation)
    if view.mirrored:
        seen, expected = seen[IBUG68.flip], mirrored(expected)
    np.testing.assert_allclose(fit_pose(seen[None]), expected, atol=1e-3)


@given(seed=SEEDS)
def test_a_mirrored_view_swaps_the_sides_of_the_face(face_points: Callable, seed: int) -> None:
    points = face_points()
    augmentation = replace(MOVES, flip=1.0)
    view = draw_view(points, 128, augmentation, np.random.default_rng(seed))
    assert view.mirrored
    seen = transform(points, view.matrix)
    assert seen[36, 0] > seen[45, 0]
    assert (seen[IBUG68.flip])[36, 0] < (seen[IBUG68.flip])[45, 0]


def test_without_augmentation_the_view_is_the_crop_rule(face_points: Callable) -> None:
    points = face_points((20, -10, 5), unit=50, centre=(99, 77))
    view = draw_view(points, 224, NO_AUGMENTATION, np.random.default_rng(0))
    np.testing.assert_allclose(view.matrix, CropRule(size=224).matrix(bounding_box(points)))
    assert (view.rotation, view.mirrored) == (0, False)


def test_without_augmentation_the_pixels_stay(colours: np.ndarray, face_points: Callable) -> None:
    points = face_points(unit=90, centre=(160, 140))
    view = draw_view(points, 96, NO_AUGMENTATION, np.random.default_rng(0))
    one, other = (
        render(colours, view, 96, NO_AUGMENTATION, np.random.default_rng(seed)) for seed in (0, 1)
    )
    assert (one == other).all()


@pytest.mark.parametrize("field", PIXEL_EFFECTS)
def test_each_effect_changes_pixels_and_keeps_the_format(
    colours: np.ndarray, face_points: Callable, field: str
) -> None:
    points = face_points(unit=90, centre=(160, 140))
    view = draw_view(points, 96, NO_AUGMENTATION, np.random.default_rng(0))
    always = replace(NO_AUGMENTATION, **{field: 1.0})
    plain = render(colours, view, 96, NO_AUGMENTATION, np.random.default_rng(0))
    crops = [render(colours, view, 96, always, np.random.default_rng(seed)) for seed in range(20)]
    assert {(crop.shape, crop.dtype) for crop in crops} == {((96, 96, 3), np.dtype(np.uint8))}
    # the weakest blur is too narrow to reach the next pixel
    assert sum((crop != plain).any() for crop in crops) >= 16


@pytest.mark.parametrize("size", [32, 64])
def test_all_effects_at_once_work_on_small_crops(
    colours: np.ndarray, face_points: Callable, size: int
) -> None:
    everything = Augmentation(**{field.name: 1.0 for field in fields(Augmentation)})
    for seed in range(50):
        rng = np.random.default_rng(seed)
        view = draw_view(face_points(), size, everything, rng)
        assert render(colours, view, size, everything, rng).shape == (size, size, 3)


def test_grey_has_one_value_in_all_channels(colours: np.ndarray, face_points: Callable) -> None:
    view = draw_view(face_points(), 64, NO_AUGMENTATION, np.random.default_rng(0))
    grey = replace(NO_AUGMENTATION, grey=1.0)
    crop = render(colours, view, 64, grey, np.random.default_rng(0))
    assert (crop == crop[..., :1]).all()


def test_effects_leave_the_given_picture_alone(colours: np.ndarray, face_points: Callable) -> None:
    before = colours.copy()
    everything = replace(NO_AUGMENTATION, **dict.fromkeys(PIXEL_EFFECTS, 1.0))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        render(colours, draw_view(face_points(), 64, MOVES, rng), 64, everything, rng)
    assert (colours == before).all()


def test_an_occlusion_hides_a_part_but_not_the_face(
    colours: np.ndarray, face_points: Callable
) -> None:
    view = draw_view(face_points(), 96, NO_AUGMENTATION, np.random.default_rng(0))
    hidden = replace(NO_AUGMENTATION, occlusion=1.0)
    plain = render(colours, view, 96, NO_AUGMENTATION, np.random.default_rng(0))
    for seed in range(40):
        crop = render(colours, view, 96, hidden, np.random.default_rng(seed))
        assert 0 < (crop != plain).any(axis=-1).mean() <= 0.16


def test_the_same_generator_draws_the_same_view(colours: np.ndarray, face_points: Callable) -> None:
    def draw(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        view = draw_view(face_points(), 64, Augmentation(), rng)
        return render(colours, view, 64, Augmentation(), rng)

    assert (draw(3) == draw(3)).all()
    assert (draw(3) != draw(4)).any()


def test_views_differ_as_much_as_was_asked(face_points: Callable) -> None:
    points = face_points()
    side = 1.25 * max(np.ptp(points, axis=0))
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    views = [draw_view(points, 100, MOVES, np.random.default_rng(seed)) for seed in range(2000)]
    back = [invert(view.matrix) for view in views]
    moved = np.stack([transform(np.array([49.5, 49.5]), b) for b in back]) - centre
    grown = [np.log(np.sqrt(abs(np.linalg.det(b[:, :2]))) * 100 / side) for b in back]
    assert np.std([view.rotation for view in views]) == pytest.approx(15, rel=0.06)
    assert np.mean([view.mirrored for view in views]) == pytest.approx(0.5, abs=0.04)
    np.testing.assert_allclose(moved.std(axis=0) / side, 0.04, rtol=0.06)
    assert np.std(grown) == pytest.approx(0.08, rel=0.06)
    assert max(abs(view.rotation) for view in views) <= 2.5 * 15
