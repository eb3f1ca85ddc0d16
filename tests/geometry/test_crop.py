"""The crop rule, the one matrix behind it, and half a pixel."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.crop import (
    FILL,
    CropRule,
    Square,
    crop_matrix,
    cut,
    from_relative,
    invert,
    to_relative,
    transform,
)
from asmnet_edge.geometry.landmarks import Box, Landmarks
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme

PLACES = arrays(float, (6, 2), elements=st.floats(-500, 500))
SQUARES = {
    "centre": st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
    "side": st.floats(20, 800),
    "size": st.sampled_from([64, 112, 224]),
    "rotation": st.floats(-180, 180),
    "mirrored": st.booleans(),
}


@given(points=PLACES, square=st.fixed_dictionaries(SQUARES))
def test_there_and_back_again(points: np.ndarray, square: dict) -> None:
    matrix = crop_matrix(**square)
    back = transform(transform(points, matrix), invert(matrix))
    np.testing.assert_allclose(back, points, atol=1e-8)


@given(square=st.fixed_dictionaries(SQUARES))
def test_the_centre_goes_to_the_centre_and_lengths_scale(square: dict) -> None:
    matrix = crop_matrix(**square)
    centre = np.array(square["centre"])
    middle = (square["size"] - 1) / 2
    np.testing.assert_allclose(transform(centre, matrix), [middle, middle], atol=1e-9)
    length = np.linalg.norm(transform(centre + np.array([0, square["side"]]), matrix) - middle)
    assert length == pytest.approx(square["size"])


def test_the_edges_of_the_square_are_0_and_1_in_relative_coordinates() -> None:
    matrix = CropRule(margin=1, size=224).matrix(Box(10, 20, 40, 40))
    corners = np.array([[10, 20], [50, 20], [50, 60], [10, 60]])
    relative = to_relative(transform(corners, matrix), 224)
    np.testing.assert_allclose(relative, [[0, 0], [1, 0], [1, 1], [0, 1]], atol=1e-12)


def test_the_longer_side_decides_and_the_margin_is_shared() -> None:
    # 1.25 x 80 = 100 pixels around (50, 40): 0 to 100 across, -10 to 90 down
    matrix = CropRule(margin=1.25, size=100).matrix(Box(30, 0, 40, 80))
    np.testing.assert_allclose(transform(np.array([50, 40]), matrix), [49.5, 49.5])
    np.testing.assert_allclose(transform(np.array([0, -10]), matrix), [-0.5, -0.5])


def test_the_rule_is_a_quarter_more_than_the_box_at_224_pixels() -> None:
    assert CropRule() == CropRule(margin=1.25, size=224)


def test_a_quarter_turn_clockwise_takes_right_to_below() -> None:
    matrix = crop_matrix((0, 0), 10, 10, rotation=90)
    np.testing.assert_allclose(
        transform(np.array([[1, 0], [0, 1]]), matrix) - 4.5, [[0, 1], [-1, 0]]
    )


def test_mirroring_comes_after_the_turn() -> None:
    plain = crop_matrix((3, 4), 10, 20, rotation=30)
    mirrored = crop_matrix((3, 4), 10, 20, rotation=30, mirrored=True)
    points = np.array([[1.0, 2.0], [5.0, 7.0]])
    expected = transform(points, plain) * [-1, 1] + [19, 0]
    np.testing.assert_allclose(transform(points, mirrored), expected)


@given(points=PLACES, size=st.integers(1, 512))
def test_relative_coordinates_come_back(points: np.ndarray, size: int) -> None:
    np.testing.assert_allclose(from_relative(to_relative(points, size), size), points, atol=1e-9)


def test_a_pixel_centre_lies_half_a_pixel_inside() -> None:
    assert to_relative(np.array([0, 223]), 224).tolist() == [0.5 / 224, 223.5 / 224]


def test_a_cut_at_full_size_is_the_picture_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    matrix = crop_matrix((14.5, 14.5), 30, 30)
    assert (cut(picture, matrix, 30) == picture).all()


def test_beyond_the_picture_is_grey() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    crop = cut(picture, crop_matrix((4.5, 4.5), 20, 20), 20)
    assert (crop[:4] == FILL).all()
    assert (crop[6:14, 6:14] == 0).all()


@pytest.mark.parametrize("side", [48, 96, 180, 400], ids="{}px".format)
@pytest.mark.parametrize("rotation", [0, 25])
@pytest.mark.parametrize("shape", [(400, 400), (301, 333)], ids=str)
def test_points_move_with_the_picture_at_every_scale(
    draw_dot: Callable, find_dot: Callable, side: int, rotation: float, shape: tuple[int, int]
) -> None:
    place = np.array([151.3, 140.8])
    picture = draw_dot(place, *shape, radius=side / 24)
    matrix = crop_matrix((150, 144), side, 64, rotation)
    found = find_dot(cut(picture, matrix, 64))
    np.testing.assert_allclose(found, transform(place, matrix), atol=0.1)


def test_shrinking_averages_instead_of_skipping() -> None:
    board = np.indices((256, 256)).sum(axis=0) % 2 * 255
    picture = np.repeat(board[..., None].astype(np.uint8), 3, axis=2)
    crop = cut(picture, crop_matrix((127.5, 127.5), 256, 32), 32)
    assert np.abs(crop.astype(int) - 127.5).max() < 2


def test_a_strip_one_pixel_high_can_be_cut() -> None:
    strip = np.full((1, 300, 3), 200, np.uint8)
    assert cut(strip, crop_matrix((150, 0), 300, 32), 32).shape == (32, 32, 3)


@pytest.mark.parametrize("wrong", [{"margin": 0}, {"margin": -1}, {"size": 0}])
def test_a_crop_without_extent_is_refused(wrong: dict) -> None:
    with pytest.raises(UsageError, match="margin > 0 and size >= 1"):
        CropRule(**wrong)


# upright


ANGLES = st.floats(-180, 180)
UPRIGHT = CropRule(margin=1.25, size=100, upright=True)


@given(degrees=ANGLES)
def test_a_turned_square_is_cut_upright(square_scheme: LandmarkScheme, degrees: float) -> None:
    corners = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]])
    turned = transform(corners, crop_matrix((0, 0), 1, 1, degrees)) + [70, 50]
    square = UPRIGHT.square(Landmarks(turned, square_scheme))
    # 1.25 x 40 pixels about the middle: a pixel of the picture is two of the crop
    assert square.side == pytest.approx(50)
    np.testing.assert_allclose(square.centre, [70, 50])
    np.testing.assert_allclose(
        transform(turned, UPRIGHT.matrix(Landmarks(turned, square_scheme))), 2 * corners + 49.5
    )


@given(degrees=ANGLES, scale=st.floats(0.1, 10), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_a_face_has_one_upright_crop_however_it_lies(
    face_points: Callable, degrees: float, scale: float, x: float, y: float
) -> None:
    first = face_points(pose=(25, 10, 5))
    moved = transform(first, crop_matrix((9, 8), 1, 1, degrees)) * scale + [x, y]
    crops = [transform(p, UPRIGHT.matrix(Landmarks(p, IBUG68))) for p in (first, moved)]
    np.testing.assert_allclose(crops[1], crops[0], atol=1e-6)
    assert np.ptp(crops[0], axis=0).max() == pytest.approx(80)  # the tight box: 100 / 1.25
    np.testing.assert_allclose((crops[0].min(axis=0) + crops[0].max(axis=0)) / 2, 49.5)


def test_a_box_is_cut_level_whatever_the_network_expects() -> None:
    box = Box(30, 0, 40, 80)
    assert UPRIGHT.square(box) == UPRIGHT.level.square(box) == CropRule(size=100).square(box)


def test_without_turning_landmarks_are_cut_by_their_box_to_the_bit(face_points: Callable) -> None:
    landmarks = Landmarks(face_points(pose=(10, 20, 70)), IBUG68)
    for rule in (CropRule(), UPRIGHT.level):
        assert (rule.matrix(landmarks) == rule.matrix(landmarks.box)).all()
        box, side = landmarks.box, rule.margin * max(landmarks.box.width, landmarks.box.height)
        assert (rule.matrix(landmarks) == crop_matrix(box.centre, side, rule.size)).all()


def test_pose_goes_into_the_crop_and_back_exactly() -> None:
    square = Square((0, 0), 1, rotation=-170)
    pose = np.array([10.0, 20.0, 175.0])
    assert square.pose_in_crop(pose).tolist() == [10, 20, 5]
    assert square.pose_in_picture(np.array([10.0, 20.0, 12.0])).tolist() == [10, 20, -178]
    assert Square((0, 0), 1).pose_in_picture(pose) is pose


def test_upright_is_yes_or_no() -> None:
    with pytest.raises(UsageError, match="upright must be true or false, got 'yes'"):
        CropRule(upright="yes")  # type: ignore[arg-type]
