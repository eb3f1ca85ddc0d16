"""Annotated pictures: landmarks are drawn where they are, and the input stays unchanged."""

from collections.abc import Callable

import numpy as np
import pytest

from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.runtime.landmarker import Face
from asmnet_edge.runtime.sinks import draw_faces


@pytest.fixture
def canvas() -> np.ndarray:
    return np.full((240, 256, 3), 90, np.uint8)


@pytest.fixture
def face(face_points: Callable) -> Callable[..., Face]:
    def make(centre: tuple[float, float] = (128, 110)) -> Face:
        pose = np.array([15.0, -10, 5])
        landmarks = Landmarks(face_points(pose, centre=centre), IBUG68)
        return Face(landmarks, pose, landmarks.box)

    return make


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where two pictures differ: (H, W) bool."""
    return (before != after).any(axis=2)


def test_every_landmark_is_drawn(canvas: np.ndarray, face: Callable) -> None:
    drawn = changed(canvas, draw_faces(canvas, [face()]))
    for column, row in face().landmarks.points.round().astype(int):
        assert drawn[row, column]


def test_the_input_picture_is_unchanged(canvas: np.ndarray, face: Callable) -> None:
    before = canvas.copy()
    drawn = draw_faces(canvas, [face()])
    assert (canvas == before).all()
    assert (drawn.shape, drawn.dtype) == (canvas.shape, canvas.dtype)


def test_nothing_is_drawn_far_from_the_face(canvas: np.ndarray, face: Callable) -> None:
    box = face().landmarks.box
    rows, columns = np.nonzero(changed(canvas, draw_faces(canvas, [face()])))
    assert abs(rows - box.centre[1]).max() < box.height
    assert abs(columns - box.centre[0]).max() < box.width


def test_without_a_face_it_is_a_copy(canvas: np.ndarray) -> None:
    drawn = draw_faces(canvas, [])
    assert (drawn == canvas).all()
    drawn[0, 0] = 0
    assert (canvas == 90).all()


def test_two_faces_are_drawn_where_they_are(canvas: np.ndarray, face: Callable) -> None:
    left, right = face((70, 110)), face((190, 110))
    both = changed(canvas, draw_faces(canvas, [left, right]))
    one, other = (changed(canvas, draw_faces(canvas, [f])) for f in (left, right))
    assert (both == one | other).all()


@pytest.mark.parametrize("centre", [(0, 0), (256, 240), (-500, 900)], ids=str)
def test_a_face_beyond_the_edge_does_no_harm(
    canvas: np.ndarray, face: Callable, centre: tuple[float, float]
) -> None:
    inside = centre[0] >= 0
    assert changed(canvas, draw_faces(canvas, [face(centre)])).any() == inside
