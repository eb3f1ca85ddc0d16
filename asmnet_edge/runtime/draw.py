"""Drawing faces onto pictures: contours, points, and the head's three axes."""

from __future__ import annotations

import cv2
import numpy as np

from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.pose import rotation
from asmnet_edge.runtime.landmarker import Face

CONTOUR = (80, 220, 80)  # BGR
POINT = (40, 240, 255)
AXIS_COLOURS = ((60, 60, 255), (60, 220, 60), (255, 140, 40))  # right, down, out of the face
SHIFT = 4  # OpenCV draws at sixteenths of a pixel


def draw_faces(picture: Picture, faces: list[Face]) -> Picture:
    """A copy of ``picture`` (H, W, 3) BGR with ``faces`` drawn on it."""
    canvas = picture.copy()
    for face in faces:
        draw_landmarks(canvas, face.landmarks)
        draw_pose(canvas, face)
    return canvas


def draw_landmarks(canvas: Picture, landmarks: Landmarks) -> None:
    """Draw contours and points onto ``canvas``, as thick as the face is large."""
    size = max(landmarks.box.width, landmarks.box.height)
    thickness = max(1, round(size / 200))
    for indices, closed in landmarks.scheme.contours:
        line = _fixed_point(landmarks.points[list(indices)])
        cv2.polylines(canvas, [line], closed, CONTOUR, thickness, cv2.LINE_AA, SHIFT)
    radius = round(max(1.2, size / 150) * 2**SHIFT)
    for x, y in _fixed_point(landmarks.points).tolist():
        cv2.circle(canvas, (x, y), radius, POINT, cv2.FILLED, cv2.LINE_AA, SHIFT)


def draw_pose(canvas: Picture, face: Face) -> None:
    """Draw the head's axes from the middle of the face; the longest one points out of it."""
    points = face.landmarks.points
    centre = points.mean(axis=0)
    length = 0.35 * max(face.landmarks.box.width, face.landmarks.box.height)
    turn = rotation(face.pose)
    ends = (turn[:, 0], turn[:, 1], -1.4 * turn[:, 2])
    for end, colour in zip(ends, AXIS_COLOURS, strict=True):
        line = _fixed_point(np.array([centre, centre + length * end[:2]]))
        thickness = max(1, round(length / 60))
        cv2.polylines(canvas, [line], False, colour, thickness, cv2.LINE_AA, SHIFT)


def _fixed_point(points: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.round(points * 2**SHIFT).astype(np.int32)
