"""Drawn faces with exact landmarks and exact pose, from a seed.

The face of a seed is a pure function of it: same numbers, same bytes, on the same versions of NumPy
and OpenCV. Eyes, brows, nose and mouth are painted around the very points that are its landmarks.
Those of the jaw are points of the drawn head's surface: on the jaw, and where that is hidden on the
visible outline of the cheek, as 300W's annotators put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from asmnet_edge.data.drawn_build import Build, sample_build
from asmnet_edge.data.drawn_face import render
from asmnet_edge.data.drawn_look import sample_look
from asmnet_edge.data.drawn_shape import Head, View, head_of, landmarks_3d, view_of
from asmnet_edge.errors import UsageError
from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.schemes import IBUG68

SMALLEST = 32  # pixels of a picture's side; below, features vanish
FRAME = (640, 480)  # width, height of a frame of `walk_frame`, pixels
PERIOD = 300  # frames from one absence to the next
AWAY = range(270, PERIOD)  # frames of each period without a face


@dataclass(frozen=True)
class DrawnFace:
    """A drawn face.

    picture : (size, size, 3) uint8 BGR; landmarks : 68, in its pixels; pose : (3,) degrees
    """

    picture: Picture
    landmarks: Landmarks
    pose: FloatArray


def draw_face(
    seed: Sequence[int] | int,
    size: int = 256,
    wide: bool = False,
    pose: FloatArray | None = None,
) -> DrawnFace:
    """Draw the face of ``seed`` in a square picture of ``size`` pixels.

    wide : yaw up to 90 degrees, all equally frequent, and pitch up to 40; else yaw up to 50, most
    faces nearly frontal; pose : (3,) in degrees, to see the same face in another pose than that of
    the seed. `UsageError` for a negative seed or fewer than `SMALLEST` pixels.
    """
    check_drawable(seed, size)
    rng = np.random.default_rng(seed)
    build, head, view = _plan(rng, size, wide, pose)
    picture = render(head, view, sample_look(rng), rng, size)
    return DrawnFace(picture, _landmarks(head, view), build.pose)


def labels_of(seed: Sequence[int], size: int, wide: bool) -> tuple[Landmarks, FloatArray]:
    """Landmarks and pose (3,) in degrees of `draw_face`, without drawing it."""
    build, head, view = _plan(np.random.default_rng(seed), size, wide)
    return _landmarks(head, view), build.pose


def check_drawable(seed: Sequence[int] | int, size: int) -> None:
    """Raise `UsageError` unless a face of ``seed`` can be drawn on ``size`` pixels."""
    if min(np.atleast_1d(seed)) < 0:
        raise UsageError(f"a seed must not be negative, got {seed}")
    if size < SMALLEST:
        raise UsageError(f"drawn faces need at least {SMALLEST} pixels a side, got {size}")


def _plan(
    rng: Generator, size: int, wide: bool, pose: FloatArray | None = None
) -> tuple[Build, Head, View]:
    """What decides where the landmarks are; the first draws of ``rng``."""
    build = sample_build(rng, wide)
    build = build if pose is None else replace(build, pose=np.asarray(pose, np.float64))
    return build, head_of(build), view_of(build, size)


def _landmarks(head: Head, view: View) -> Landmarks:
    return Landmarks(view.project(landmarks_3d(head, view)), IBUG68)


def walk_frame(number: int, face: Picture) -> Picture:
    """Frame ``number`` (480, 640, 3) BGR of a video in which ``face`` moves about.

    The last 30 of each 300 frames are without it.
    """
    frame = np.full((FRAME[1], FRAME[0], 3), 110, np.uint8)
    if number % PERIOD in AWAY:
        return frame
    x, y = 190 + 150 * np.sin(number / 40), 110 + 60 * np.cos(number / 31)
    matrix = np.array([[1, 0, x], [0, 1, y]])
    cv2.warpAffine(face, matrix, FRAME, dst=frame, borderMode=cv2.BORDER_TRANSPARENT)
    return frame
