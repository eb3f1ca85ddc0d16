"""The faces that a landmarker found, drawn onto their picture."""

from __future__ import annotations

from asmnet_edge.drawing import draw_landmarks, draw_pose
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.landmarker import Face


def draw_faces(picture: Picture, faces: list[Face]) -> Picture:
    """A copy of ``picture`` (H, W, 3) BGR with ``faces`` drawn on it."""
    canvas = picture.copy()
    for face in faces:
        draw_landmarks(canvas, face.landmarks)
        draw_pose(canvas, face.landmarks, face.pose)
    return canvas
