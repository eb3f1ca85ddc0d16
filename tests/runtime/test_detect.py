"""Boxes of faces: the whole picture, or what Haar finds, as landmarks would be boxed."""

import numpy as np
import pytest

from asmnet_edge.crop import CropRule, cut
from asmnet_edge.data.synthetic import DrawnFace, draw_face
from asmnet_edge.landmarks import Box
from asmnet_edge.runtime import detect
from asmnet_edge.runtime.detect import detect_haar, haar_boxes
from asmnet_edge.runtime.detector import DETECTORS, whole_picture


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def share(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def square_of(face: DrawnFace) -> Box:
    """The square that the crop rule makes of the landmarks' box."""
    box = face.landmarks.box
    side = max(box.width, box.height)
    x, y = box.centre
    return Box(x - side / 2, y - side / 2, side, side)


# the whole picture


def test_the_crop_of_a_square_picture_is_the_picture() -> None:
    picture = noise(96, 96)
    rule = CropRule(size=96)
    (box,) = whole_picture(picture)
    assert (cut(picture, rule.matrix(box), 96) == picture).all()


@pytest.mark.parametrize(("height", "width"), [(60, 100), (100, 60)])
def test_the_crop_of_an_oblong_picture_is_its_middle(height: int, width: int) -> None:
    picture = noise(height, width)
    (box,) = whole_picture(picture)
    top, left = (height - 60) // 2, (width - 60) // 2
    middle = picture[top : top + 60, left : left + 60]
    assert (cut(picture, CropRule(size=60).matrix(box), 60) == middle).all()


# Haar

FRONTAL = [
    seed for seed in range(24) if (np.abs(draw_face(seed).pose) < [20, 15, 15]).all()
]  # what its cascade was made for


@pytest.fixture(scope="module")
def found() -> list[tuple[DrawnFace, list[Box]]]:
    """Drawn frontal faces and what the detector finds in them."""
    faces = [draw_face(seed) for seed in FRONTAL]
    return [(face, detect_haar(face.picture)) for face in faces]


def test_most_drawn_faces_are_found(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    assert len(found) >= 6
    assert np.mean([len(boxes) > 0 for _, boxes in found]) > 0.8


def test_the_box_lies_where_the_landmarks_do(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    shares = [share(boxes[0], square_of(face)) for face, boxes in found if boxes]
    assert np.median(shares) > 0.75
    assert min(shares) > 0.5


def test_boxes_are_squares(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    assert all(box.width == box.height for _, boxes in found for box in boxes)


def test_a_picture_without_a_face_has_no_box() -> None:
    assert detect_haar(np.full((120, 160, 3), 128, np.uint8)) == []


def test_two_faces_come_largest_first(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    seed = next(s for s, (_, boxes) in zip(FRONTAL, found, strict=True) if len(boxes) == 1)
    picture = np.full((320, 520, 3), 128, np.uint8)
    picture[:200, :200] = draw_face(seed, 200).picture
    picture[:320, 200:] = draw_face(seed, 320).picture
    small, large = square_of(draw_face(seed, 200)), square_of(draw_face(seed, 320))
    first, second = detect_haar(picture)
    assert share(first, Box(large.x + 200, large.y, large.width, large.height)) > 0.6
    assert share(second, small) > 0.6


def test_a_large_picture_is_searched_at_a_smaller_scale(
    found: list[tuple[DrawnFace, list[Box]]],
) -> None:
    seed = next(s for s, (_, boxes) in zip(FRONTAL, found, strict=True) if len(boxes) == 1)
    face = draw_face(seed, 1280)
    (box,) = detect_haar(face.picture)
    assert share(box, square_of(face)) > 0.6


def test_a_shrunk_box_comes_back_to_the_pixel() -> None:
    # twice as large a picture of doubled pixels: edges double, and so does all between them
    face = draw_face(FRONTAL[0], 640).picture
    once = haar_boxes(face)
    twice = haar_boxes(face.repeat(2, axis=0).repeat(2, axis=1))
    assert once
    for small, large in zip(once, twice, strict=True):
        assert (large.width, large.height) == (2 * small.width, 2 * small.height)
        # the edge before pixel 0 lies at -0.5 in both
        assert (large.x + 0.5, large.y + 0.5) == (2 * (small.x + 0.5), 2 * (small.y + 0.5))


def test_detectors_go_by_their_name() -> None:
    assert dict(DETECTORS) == {"haar": detect_haar, "none": whole_picture}


def test_a_face_holds_no_faces() -> None:
    large, inside, beside = Box(0, 0, 100, 100), Box(30, 30, 20, 20), Box(95, 0, 50, 50)
    assert detect._without_nested([large, beside, inside]) == [large, beside]
