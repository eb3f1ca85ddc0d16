"""From traits to pixels: the lit head in front of a background, as a camera might have taken it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.random import Generator

from asmnet_edge.data.drawn_map import (
    SUBPIXEL,
    fixed_point,
    from_map,
    map_places,
    read_map,
    smooth,
    to_map,
)
from asmnet_edge.data.drawn_paint import ear_offset, hair_depth, paint
from asmnet_edge.data.drawn_shape import Head, View
from asmnet_edge.data.drawn_traits import Look
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pictures import Picture

GRID = 64  # pixels of the map on which the surface is computed
RELIEF = 144  # and to which it is refined
REACH = 1.65  # no part of the head is farther from its middle, in inter-ocular distances
MARGIN = 0.32  # hair and ears reach no farther beyond the bare head
COARSE_STEPS, FINE_STEPS = 10, 3  # of the march along each ray
STRIDE = 0.95  # of the way still to go
HAIR_RISE = 4.0  # share of the hair's full height, per unit of depth inside it
EAR_HEIGHT = 0.13  # how far ears stand out of the head


def render(head: Head, view: View, look: Look, rng: Generator, size: int) -> Picture:
    """The picture (size, size, 3) uint8 BGR of that head."""
    picture = _backdrop(rng, size)
    _draw_body(picture, view, look)
    _draw_head(picture, head, view, look, rng)
    if look.glasses:
        _draw_glasses(picture, head, view, look)
    return _photograph(picture, look, rng)


@dataclass(frozen=True)
class _Relief:
    """The head's surface as float32 maps.

    radius : (n, n); normals : (n, n, 3) outwards, unit; hollow : (n, n), how far a place lies below
    its surroundings
    """

    radius: FloatArray
    normals: FloatArray
    hollow: FloatArray


def _relief(head: Head, hair: FloatArray, look: Look) -> _Relief:
    """The surface of ``head`` with ears, and with hair that rises where ``hair`` (its `hair_depth`) does."""
    coarse = head.radius(from_map(map_places(GRID)).reshape(-1, 3)).reshape(GRID, GRID)
    radius = cv2.resize(coarse, (RELIEF, RELIEF), interpolation=cv2.INTER_CUBIC)
    # more slowly than it covers the skin, or the skin beside it would rise as well
    raised = look.hair_volume * np.clip(HAIR_RISE * hair, 0, 1) + _ears()
    raised = cv2.resize(raised, (RELIEF, RELIEF), interpolation=cv2.INTER_AREA)
    radius += cv2.GaussianBlur(raised, (0, 0), 1.5)
    hollow = cv2.GaussianBlur(radius, (0, 0), 4) - radius
    return _Relief(radius, _normals(radius), hollow)


@cache
def _ears() -> FloatArray:
    """How far the ears stand out of the head, (MAP_SIZE, MAP_SIZE) float32."""
    return EAR_HEIGHT * np.exp(-(ear_offset() ** 4))


def _normals(radius: FloatArray) -> FloatArray:
    """Outward unit normals (n, n, 3) of the surface with ``radius`` (n, n)."""
    points = radius[..., None] * from_map(map_places(len(radius)))
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(down, across)
    return normals / (np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9)


def _draw_head(picture: Picture, head: Head, view: View, look: Look, rng: Generator) -> None:
    """Paint the head over ``picture`` in place."""
    hair = hair_depth(look)
    relief = _relief(head, hair, look)
    window, x, y = _rays(head, view, len(picture))
    places, gap = _trace(relief.radius, view.turn.astype(np.float32), x, y)
    skin = read_map(paint(to_map(head.knots[:68]), hair, look, rng), places)
    lit = skin * _light(relief, places, view, look)
    behind = picture[window].astype(np.float32)
    picture[window] = np.clip(behind + _cover(gap * view.scale) * (lit - behind), 0, 255)


def _cover(gap: FloatArray) -> FloatArray:
    """How much of each pixel the head covers, (h, w, 1), of ``gap`` (h, w) in pixels.

    The edge fades over one pixel. Rays that graze the nose run out of steps before they meet the
    cheek behind it: closing fills the slits that they would leave.
    """
    cover = np.clip(1 - gap, 0, 1).astype(np.float32)
    side = len(cover) // 40 * 2 + 1
    closed = cv2.morphologyEx(cover, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(closed)[..., None]


def _rays(head: Head, view: View, size: int) -> tuple[tuple[slice, slice], FloatArray, FloatArray]:
    """The window of the picture that the head may touch; x and y (h, w) there from its middle."""
    seen, margin = view.project(head.skin(head.knots)), MARGIN * view.scale
    low = (seen.min(axis=0) - margin).clip(0, size).astype(int)
    high = (seen.max(axis=0) + margin).clip(0, size).astype(int)
    columns, rows = (np.arange(a, b) for a, b in zip(low, high, strict=True))
    line_x, line_y = (columns - view.centre[0]), (rows - view.centre[1])
    x, y = np.meshgrid(line_x / view.scale, line_y / view.scale)
    return (slice(low[1], high[1]), slice(low[0], high[0])), x.astype("f4"), y.astype("f4")


def _trace(
    radius: FloatArray, turn: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where rays along z through ``x``, ``y`` (h, w) meet the skin.

    Returns places (h, w, 2) on the map, of a ray that misses the head where it comes nearest, and
    the gap (h, w) by which it misses, at most about 0 if it does not. First every other ray is
    followed, then all from where those ended.
    """
    half = [cv2.resize(a, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for a in (x, y)]
    start = -np.sqrt(np.maximum(REACH**2 - half[0] ** 2 - half[1] ** 2, 0))
    depth, _ = _march(radius, _Rays(*half, turn), start, COARSE_STEPS)
    rays = _Rays(x, y, turn)
    depth, gap = _march(radius, rays, cv2.resize(depth, x.shape[::-1]), FINE_STEPS)
    return rays.at(depth)[0], gap


class _Rays:
    """Rays along z through x, y (h, w), seen from the head that ``turn`` (3, 3) turned."""

    def __init__(self, x: FloatArray, y: FloatArray, turn: FloatArray) -> None:
        self._base = np.stack([x, y], axis=-1) @ turn[:2]
        self._along, self._flat = turn[2], x * x + y * y

    def at(self, depth: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Places (h, w, 2) on the map and distances (h, w) from the head's middle at ``depth``."""
        distance = np.sqrt(self._flat + depth * depth)
        return to_map((self._base + depth[..., None] * self._along) / distance[..., None]), distance


def _march(
    radius: FloatArray, rays: _Rays, depth: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Follow ``rays`` from ``depth`` (h, w) by steps about as long as the way still to go.

    Returns the depth (h, w) where each was nearest to the skin, and its least height (h, w) above it.
    """
    best, gap, nearest = depth, np.full_like(depth, np.inf), np.full_like(depth, np.inf)
    for _ in range(steps):
        places, distance = rays.at(depth)
        height = distance - read_map(radius, places)
        away = np.abs(height)
        best, nearest = np.where(away < nearest, depth, best), np.minimum(away, nearest)
        gap, depth = np.minimum(gap, height), depth + STRIDE * height
    return best, gap


def _light(relief: _Relief, places: FloatArray, view: View, look: Look) -> FloatArray:
    """Factors (h, w, 3) on the skin's colour: diffuse light, a little shine, dark hollows."""
    normals = read_map(relief.normals, places) @ view.turn.T.astype(np.float32)
    diffuse = np.maximum(normals @ look.light.astype(np.float32), 0)
    half = look.light + [0, 0, -1]  # halfway between lamp and camera
    shine = np.maximum(normals @ (half / np.linalg.norm(half)).astype(np.float32), 0) ** 24
    open_sky = np.clip(1 - 4 * read_map(relief.hollow, places), 0.55, 1.1)
    light = (look.ambient + (1.1 - look.ambient) * diffuse) * open_sky + look.gloss * shine
    return light[..., None] * look.lamp.astype(np.float32)


LOCKS = smooth(
    np.array([[-0.7, -1], [0.7, -1], [1.05, 0.2], [1.1, 1.6], [0, 1.8], [-1.1, 1.6], [-1.05, 0.2]]),
    closed=True,
)
COLLAR = np.array([[-2.6, 2.4], [-1.6, 1.72], [-0.55, 1.5], [0, 1.85]])
SHOULDERS = np.concatenate([COLLAR, COLLAR[2::-1] * [-1, 1], [[2.6, 4], [-2.6, 4]]])
NECK_STRIPS = 24


def _draw_body(picture: Picture, view: View, look: Look) -> None:
    """Long hair, neck and shoulders, behind the head, in place."""
    if look.long_hair:
        _polygon(picture, view.centre + view.scale * LOCKS, look.hair * 0.55)
    _draw_neck(picture, view, look)
    _polygon(picture, view.centre + view.scale * SHOULDERS, look.clothes)


def _draw_neck(picture: Picture, view: View, look: Look) -> None:
    """An upright cylinder below the head, lit as the head is, but from less of the sky."""
    head = view.scale * view.turn[:2] @ [0, 0.4, 0.0]
    x = np.linspace(-0.56, 0.56, NECK_STRIPS + 1)
    for left, right in zip(x, x[1:], strict=False):
        normal = np.array([(left + right) / 1.12, 0, 0])
        normal[2] = -np.sqrt(1 - normal[0] ** 2)
        light = 0.8 * (look.ambient + (1 - look.ambient) * max(normal @ look.light, 0))
        foot = view.scale * np.array([[right, 1.9], [left, 1.9]])
        top = head + view.scale * np.array([[left, 0], [right, 0]])
        _polygon(picture, view.centre + np.concatenate([top, foot]), look.skin * look.lamp * light)


def _draw_glasses(picture: Picture, head: Head, view: View, look: Look) -> None:
    """Two rims around the eyes, the bridge, and the bow on the side turned to the camera."""
    p, width = head.skin(head.knots[:68]), max(1, round(look.glasses * view.scale))
    near = -1 if view.turn[2, 0] > 0 else 1
    for eye, side in ((slice(36, 42), -1), (slice(42, 48), 1)):
        rim = p[eye].mean(axis=0) + [0.03 * side, 0.04, -0.12] + _rim(side)
        _stroke(picture, view.project(rim), width, look.rim)
        if side == near:
            ear = p[16 if side > 0 else 0] + [0.04 * side, -0.1, 0.0]
            _stroke(picture, view.project(np.stack([rim[0], ear])), width, look.rim)
    bridge = p[27] + np.array([[-0.11, 0.0, -0.05], [0.0, -0.03, -0.08], [0.11, 0.0, -0.05]])
    _stroke(picture, view.project(bridge), width, look.rim)


def _rim(side: int) -> FloatArray:
    """A rounded rim (33, 3) about its middle that starts at its outer end and bends backwards."""
    angle = np.linspace(0, 2 * np.pi, 33)
    x, y = (np.sign(a) * np.abs(a) ** 0.7 for a in (np.cos(angle), np.sin(angle)))
    return np.stack([0.25 * side * x, 0.17 * y, 0.08 * x], axis=1)


def _polygon(picture: Picture, outline: FloatArray, colour: FloatArray) -> None:
    cv2.fillPoly(picture, [fixed_point(outline)], colour.tolist(), cv2.LINE_AA, SUBPIXEL)


def _stroke(picture: Picture, line: FloatArray, width: int, colour: FloatArray) -> None:
    shape = [fixed_point(line)]
    cv2.polylines(picture, shape, False, colour.tolist(), width, cv2.LINE_AA, SUBPIXEL)


def _backdrop(rng: Generator, size: int) -> Picture:
    """A blurred room (size, size, 3): a gradient with a few large shapes and clouds."""
    corners = _dull_colours(rng, 1) + rng.uniform(-40, 40, (2, 2, 1)) + rng.normal(0, 8, (2, 2, 3))
    room = cv2.resize(corners.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    for colour in _dull_colours(rng, int(rng.integers(0, 7))):
        x, y, width, height = (size * rng.uniform([0, 0, 0.1, 0.1], [1, 1, 0.6, 0.6])).astype(int)
        cv2.rectangle(room, (x, y), (x + width, y + height), colour.tolist(), -1)
    clouds = rng.normal(0, 7, (12, 12, 1)).astype(np.float32)
    room += cv2.resize(clouds, (size, size), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(cv2.blur(room, (size // 24 + 1,) * 2), 0, 255).astype(np.uint8)


def _dull_colours(rng: Generator, count: int) -> FloatArray:
    """Colours (count, 3) not far from grey, as most rooms have them."""
    return rng.uniform(20, 225, (count, 1)) + rng.normal(0, 22, (count, 3))


def _photograph(picture: Picture, look: Look, rng: Generator) -> Picture:
    """What lens, sensor and file format do to ``picture``."""
    blurred = cv2.GaussianBlur(picture, (0, 0), look.blur * len(picture) / 256)
    noise = np.float32(look.noise) * rng.standard_normal(picture.shape, np.float32)
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    file = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, look.quality])[1]
    return cv2.imdecode(file, cv2.IMREAD_COLOR)  # type: ignore[return-value]
