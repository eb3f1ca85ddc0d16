"""Drawn faces with exact landmarks and exact pose, from a seed.

The face of a seed is a pure function of it: same numbers, same bytes, on the same versions of NumPy
and OpenCV. Eyes, brows, nose and mouth are painted around the very points that are its landmarks.
Those of the jaw are points of the drawn head's surface: on the jaw, and where that is hidden on the
visible outline of the cheek, as 300W's annotators put them. `render` adds what no landmark depends
on: background, body, glasses, and the camera's blur and noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.images import Picture
from asmnet_edge.rendering.head import Head, View, head_of, landmarks_3d, view_of
from asmnet_edge.rendering.painting import hair_depth, paint
from asmnet_edge.rendering.ray_marching import light_on, relief_of, trace_head
from asmnet_edge.rendering.skin_map import SUBPIXEL, fixed_point, read_map, resized, smooth, to_map
from asmnet_edge.rendering.traits import Build, Look, sample_build, sample_look

# outlines about the head's middle, in inter-ocular distances, for a body that stays upright
LOCKS = smooth(
    np.array([[-0.7, -1], [0.7, -1], [1.05, 0.2], [1.1, 1.6], [0, 1.8], [-1.1, 1.6], [-1.05, 0.2]]),
    closed=True,
)
COLLAR = np.array([[-2.6, 2.4], [-1.6, 1.72], [-0.55, 1.5], [0, 1.85]])
SHOULDERS = np.concatenate([COLLAR, COLLAR[2::-1] * [-1, 1], [[2.6, 4], [-2.6, 4]]])
NECK_RADIUS, NECK_FOOT, NECK_STRIPS = 0.56, 1.9, 24
NECK_TOP = np.array([0.0, 0.4, 0.0])  # moves with the head


def render(head: Head, view: View, look: Look, rng: Generator, size: int) -> Picture:
    """Render the picture (size, size, 3) uint8 BGR of ``head``."""
    picture = _backdrop(rng, size)
    draw_person(picture, head, view, look, rng)
    return _photograph(picture, look, rng)


def draw_person(picture: Picture, head: Head, view: View, look: Look, rng: Generator) -> None:
    """Draw body, head and glasses into ``picture`` (size, size, 3) uint8 BGR, in place."""
    _draw_body(picture, view, look)
    _draw_head(picture, head, view, look, rng)
    if look.glasses:
        _draw_glasses(picture, head, view, look)


def _backdrop(rng: Generator, size: int) -> Picture:
    """Background (size, size, 3) like a blurred room: a gradient, large shapes and clouds."""
    corners = _dull_colours(rng, 1) + rng.uniform(-40, 40, (2, 2, 1)) + rng.normal(0, 8, (2, 2, 3))
    room = resized(corners, size)
    for colour in _dull_colours(rng, int(rng.integers(0, 7))):
        x, y, width, height = (size * rng.uniform([0, 0, 0.1, 0.1], [1, 1, 0.6, 0.6])).astype(int)
        cv2.rectangle(room, (x, y), (x + width, y + height), colour.tolist(), -1)
    room += resized(rng.normal(0, 7, (12, 12)), size, cv2.INTER_CUBIC)[..., None]
    return np.clip(cv2.blur(room, (size // 24 + 1,) * 2), 0, 255).astype(np.uint8)


def _dull_colours(rng: Generator, count: int) -> FloatArray:
    """Colours (count, 3) not far from grey, as most rooms have them."""
    return rng.uniform(20, 225, (count, 1)) + rng.normal(0, 22, (count, 3))


def _draw_body(picture: Picture, view: View, look: Look) -> None:
    """Draw long hair, neck and shoulders into ``picture``."""
    if look.long_hair:
        _polygon(picture, view.centre + view.scale * LOCKS, look.hair * 0.55)
    _draw_neck(picture, view, look)
    _polygon(picture, view.centre + view.scale * SHOULDERS, look.clothes)


def _draw_neck(picture: Picture, view: View, look: Look) -> None:
    """Draw a cylinder under the head, in strips, in the shadow of the chin."""
    top = view.turn[:2] @ NECK_TOP
    for left, right in pairwise(np.linspace(-1, 1, NECK_STRIPS + 1).tolist()):
        across = (left + right) / 2
        normal = np.array([across, 0.0, -np.sqrt(1 - across**2)])
        light = 0.8 * (look.ambient + (1 - look.ambient) * max(float(normal @ look.light), 0.0))
        edges = NECK_RADIUS * np.array([[left, 0.0], [right, 0.0]])
        strip = np.concatenate([top + edges, edges[::-1] + np.array([0, NECK_FOOT])])
        _polygon(picture, view.centre + view.scale * strip, look.skin * look.lamp * light)


def _draw_head(picture: Picture, head: Head, view: View, look: Look, rng: Generator) -> None:
    """Draw the head into ``picture``."""
    hair = hair_depth(look)
    relief = relief_of(head, hair, look)
    visible = trace_head(relief, head, view, len(picture))
    skin = read_map(paint(to_map(head.knots[:68]), hair, look, rng), visible.places)
    lit = skin * light_on(relief, visible.places, view, look)
    behind = picture[visible.window].astype(np.float32)
    picture[visible.window] = np.clip(behind + visible.cover * (lit - behind), 0, 255)


def _draw_glasses(picture: Picture, head: Head, view: View, look: Look) -> None:
    """Draw two rims around the eyes, the bridge, and the temple on the camera's side."""
    p = head.skin(head.knots[:68])
    rims = {side: p[eye].mean(axis=0) + _rim(side) for side, eye in ((-1, _LEFT), (1, _RIGHT))}
    bridge = p[27] + np.array([[-0.11, 0.0, -0.05], [0.0, -0.03, -0.08], [0.11, 0.0, -0.05]])
    near, ear = (-1, p[0]) if view.turn[2, 0] > 0 else (1, p[16])
    temple = np.stack([rims[near][0], ear + np.array([0.04 * near, -0.1, 0.0])])
    width = max(1, round(look.glasses * view.scale))
    for line in (*rims.values(), bridge, temple):
        shape = [fixed_point(view.project(line))]
        cv2.polylines(picture, shape, False, look.rim.tolist(), width, cv2.LINE_AA, SUBPIXEL)


_LEFT, _RIGHT = slice(36, 42), slice(42, 48)


def _rim(side: int) -> FloatArray:
    """A rounded rim (33, 3) before an eye; it starts at its outer end and bends backwards there."""
    angle = np.linspace(0, 2 * np.pi, 33)
    x, y = (np.sign(a) * np.abs(a) ** 0.7 for a in (np.cos(angle), np.sin(angle)))
    return np.stack([side * (0.03 + 0.25 * x), 0.04 + 0.17 * y, 0.08 * x - 0.12], axis=1)


def _polygon(picture: Picture, outline: FloatArray, colour: FloatArray) -> None:
    cv2.fillPoly(picture, [fixed_point(outline)], colour.tolist(), cv2.LINE_AA, SUBPIXEL)


def _photograph(picture: Picture, look: Look, rng: Generator) -> Picture:
    """``picture`` after blur by the lens, noise by the sensor and JPEG compression."""
    unsharp = cv2.GaussianBlur(picture, (0, 0), look.blur * len(picture) / 256)
    noise = np.float32(look.noise) * rng.standard_normal(picture.shape, np.float32)
    noisy = np.clip(unsharp + noise, 0, 255).astype(np.uint8)
    _, file = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, look.quality])
    return cv2.imdecode(file, cv2.IMREAD_COLOR)  # type: ignore[return-value]


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
