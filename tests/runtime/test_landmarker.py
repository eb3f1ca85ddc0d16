"""From picture to landmarks and back: points are mapped correctly for any box."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from asmnet_edge.geometry.crop import (
    CropRule,
    crop_matrix,
    cut,
    from_relative,
    to_relative,
    transform,
)
from asmnet_edge.geometry.landmarks import Box, Landmarks
from asmnet_edge.geometry.pose import in_plane_roll
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import SHIPPED_INT8
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.artifact import Artifact
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker

GRID = np.stack(np.meshgrid(np.linspace(0, 1, 17), np.linspace(0, 1, 4)), -1).reshape(-1, 2)
GREY = np.full((200, 300, 3), 128, np.uint8)
BOXES = [Box(100, 60, 80, 80), Box(10, 120, 40, 60), Box(250.5, -20.25, 60, 30), Box(-90, 0, 70, 9)]
A_FACE = [Box(100, 60, 80, 80)]


def same(crop: np.ndarray) -> np.ndarray:
    """An answer that does not look at the crop: 68 points spread from edge to edge."""
    return GRID


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_relative_points_land_on_the_square_around_the_box(artifact: Callable, box: Box) -> None:
    face = FaceLandmarker(artifact(same)).landmarks(GREY, box)
    side = 1.25 * max(box.width, box.height)
    corner = np.array(box.centre) - side / 2
    np.testing.assert_allclose(face.landmarks.points, corner + side * GRID, atol=1e-4)
    assert face.box == box


@pytest.mark.parametrize("place", [(140, 100), (120.3, 90.7), (170.2, 65.5)])
def test_points_of_the_crop_are_mapped_back_into_the_picture(
    artifact: Callable, draw_dot: Callable, find_dot: Callable, place: tuple[float, float]
) -> None:
    def point_at_the_dot(crop: np.ndarray) -> np.ndarray:
        return np.vstack([to_relative(find_dot(crop[0]), 64), GRID[1:]])

    landmarker = FaceLandmarker(artifact(point_at_the_dot))
    face = landmarker.landmarks(draw_dot(place, 200, 300), A_FACE[0])
    np.testing.assert_allclose(face.landmarks.points[0], place, atol=0.1)


def test_the_network_sees_rgb(artifact: Callable) -> None:
    blue = np.full((200, 300, 3), (255, 0, 0), np.uint8)
    fake = artifact(same)
    FaceLandmarker(fake).landmarks(blue, A_FACE[0])
    (crop,) = fake.backend.crops
    assert (crop.shape, crop.dtype) == ((1, 64, 64, 3), np.uint8)
    assert crop[0, 32, 32].tolist() == [0, 0, 255]
    assert crop.flags.c_contiguous


def test_a_face_has_pose_and_scheme(artifact: Callable) -> None:
    face = FaceLandmarker(artifact(same)).landmarks(GREY, A_FACE[0])
    assert face.pose.tolist() == [10, -20, 30]
    assert face.landmarks.scheme.name == "ibug68"


def test_refining_runs_a_second_time_around_the_landmarks(artifact: Callable) -> None:
    # each answer fills the middle half of its crop: the second square is 0.5 x 1.25 the first
    fake = artifact(lambda crop: 0.25 + GRID / 2)
    (face,) = FaceLandmarker(fake, lambda picture: A_FACE).detect(GREY)
    assert len(fake.backend.crops) == 2
    box = face.landmarks.box
    np.testing.assert_allclose(box.centre, A_FACE[0].centre, atol=1e-3)
    assert box.width == pytest.approx(80 * (1.25 * 0.5) ** 2)
    assert face.box == A_FACE[0]  # the detector's


def test_refining_corrects_an_inaccurate_box(
    artifact: Callable, draw_dot: Callable, find_dot: Callable
) -> None:
    def centred_on_the_dot(crop: np.ndarray) -> np.ndarray:
        return to_relative(find_dot(crop[0]), 64) + (GRID - 0.5) * 0.8

    place, beside = (140, 100), [Box(85, 75, 80, 80)]
    fake = artifact(centred_on_the_dot)
    (face,) = FaceLandmarker(fake, lambda picture: beside).detect(draw_dot(place, 200, 300))
    first, second = (find_dot(crop[0]) for crop in fake.backend.crops)
    assert np.abs(first - 31.5).max() > 5
    np.testing.assert_allclose(second, 31.5, atol=0.5)
    np.testing.assert_allclose(face.landmarks.box.centre, place, atol=0.3)


def test_without_refining_the_network_runs_once(artifact: Callable) -> None:
    fake = artifact(same)
    landmarker = FaceLandmarker(fake, lambda picture: A_FACE, refine=False)
    (face,) = landmarker.detect(GREY)
    assert len(fake.backend.crops) == 1
    np.testing.assert_allclose(face.landmarks.box.width, 100, atol=1e-3)


# upright crops


def upright(fake: Artifact) -> Artifact:
    """``fake`` as of a network that expects upright crops."""
    manifest = replace(fake.manifest, crop={**fake.manifest.crop, "upright": True})
    return replace(fake, manifest=manifest)


def tilted_by(points: np.ndarray, *degrees: float) -> Callable[[np.ndarray], np.ndarray]:
    """Answers of ``points`` (68, 2), relative, turned about the middle by one after another."""
    turns = iter(degrees)
    return lambda crop: transform(points - 0.5, crop_matrix((0, 0), 1, 1, next(turns))) + 0.5


@pytest.fixture
def face_in_crop(face_points: Callable) -> np.ndarray:
    """Landmarks (68, 2) of a frontal face as they lie in a crop, relative to it."""
    points = face_points(unit=0.2, centre=(0, 0))
    return points - (points.min(axis=0) + points.max(axis=0)) / 2 + 0.5


@pytest.mark.parametrize("turned", [False, True])
def test_the_second_crop_is_upright_if_the_network_expects_it(
    artifact: Callable, face_in_crop: np.ndarray, draw_dot: Callable, turned: bool
) -> None:
    fake = artifact(tilted_by(face_in_crop, 40, 0))
    fake = upright(fake) if turned else fake
    picture = draw_dot((150, 90), 200, 300)
    landmarker = FaceLandmarker(fake, lambda picture: A_FACE)
    first = landmarker.landmarks(picture, A_FACE[0])
    second = landmarker.landmarks(picture, first.landmarks)
    box, rule = first.landmarks.box, CropRule(size=64, upright=turned)
    side = 1.25 * max(box.width, box.height)
    level = crop_matrix(box.centre, side, 64)
    expected = rule.matrix(first.landmarks) if turned else level
    assert (fake.backend.crops[1][0] == cut(picture, expected, 64)[..., ::-1]).all()
    assert (expected == level).all() is not turned
    # the picture's landmarks and pose, whatever the crop was turned by
    found = from_relative(face_in_crop, 64)
    np.testing.assert_allclose(transform(second.landmarks.points, expected), found, atol=1e-3)
    assert first.pose.tolist() == [10, -20, 30]
    np.testing.assert_allclose(second.pose, [10, -20, 70 if turned else 30], atol=1e-3)
    assert second.box == box


def test_pose_comes_back_in_the_picture_beyond_a_half_turn(
    artifact: Callable, face_in_crop: np.ndarray
) -> None:
    fake = upright(artifact(tilted_by(face_in_crop, 170, 0)))
    (face,) = FaceLandmarker(fake, lambda picture: A_FACE).detect(GREY)
    np.testing.assert_allclose(face.pose, [10, -20, 30 + 170 - 360], atol=1e-3)


@pytest.mark.parametrize(
    ("seen", "runs", "roll"),
    [
        ((40, 19), 2, 59),
        ((40, -19), 2, 21),
        ((60, 25, 3), 3, 88),  # the second crop was far from upright: once more
        ((150, 70, 60), 3, 280),  # but only once
        ((170, 350), 2, 160),
    ],
    ids=str,
)
def test_a_crop_that_was_far_from_upright_is_cut_once_more(
    artifact: Callable, face_in_crop: np.ndarray, seen: tuple, runs: int, roll: float
) -> None:
    fake = upright(artifact(tilted_by(face_in_crop, *seen)))
    landmarker = FaceLandmarker(fake, lambda picture: A_FACE)
    (face,) = landmarker.detect(GREY)
    assert len(fake.backend.crops) == runs
    found = in_plane_roll(face.landmarks.points)
    assert (found - roll + 180) % 360 - 180 == pytest.approx(0, abs=0.05)
    assert face.box == A_FACE[0]


def test_a_network_without_upright_crops_always_runs_twice(
    artifact: Callable, face_in_crop: np.ndarray
) -> None:
    fake = artifact(tilted_by(face_in_crop, 0, 90))
    FaceLandmarker(fake, lambda picture: A_FACE).detect(GREY)
    assert len(fake.backend.crops) == 2


def test_every_box_becomes_a_face_in_its_order(artifact: Callable) -> None:
    fake = artifact(same)
    faces = FaceLandmarker(fake, lambda picture: BOXES, refine=False).detect(GREY)
    assert [face.box for face in faces] == BOXES
    assert len(fake.backend.crops) == len(BOXES)


def test_without_a_face_the_network_does_not_run(artifact: Callable) -> None:
    fake = artifact(same)
    landmarker = FaceLandmarker(fake, lambda picture: [])
    assert landmarker.detect(GREY) == []
    assert fake.backend.crops == []
    assert (landmarker.timings.crop, landmarker.timings.infer) == (0, 0)


def test_timings_are_those_of_the_last_picture(artifact: Callable) -> None:
    boxes = [BOXES, []]
    landmarker = FaceLandmarker(artifact(same), lambda picture: boxes.pop(0))
    landmarker.detect(GREY)
    assert landmarker.timings.infer > 0
    landmarker.detect(GREY)
    assert landmarker.timings.infer == 0


def test_the_model_that_ships_is_opened_when_none_is_named() -> None:
    landmarker = FaceLandmarker.open(detector=whole_picture)
    assert landmarker.artifact.path.name == SHIPPED_INT8
    (face,) = landmarker.detect(draw_face(1).picture)
    assert face.landmarks.scheme is IBUG68


def test_a_face_as_json_is_rounded_to_hundredths(face_points: Callable) -> None:
    landmarks = Landmarks(face_points(), IBUG68)
    content = Face(landmarks, np.array([1.234, -5.678, 9]), Box(1.006, 2, 3, 4)).as_json()
    assert content["box"] == [1.01, 2, 3, 4]
    assert content["pose"] == {"yaw": 1.23, "pitch": -5.68, "roll": 9.0}
    np.testing.assert_allclose(content["landmarks"], landmarks.points, atol=0.0051)
