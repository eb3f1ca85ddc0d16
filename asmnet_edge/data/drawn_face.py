"""From traits to pixels: the lit head in front of a background, as a camera might have taken it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from asmnet_edge.data.drawn_paint import (
    EXTENT,
    MAP_SIZE,
    SUBPIXEL,
    fixed_point,
    from_map,
    hair_cover,
    map_places,
    paint,
    smooth,
    to_map,
)
from asmnet_edge.data.drawn_shape import INSIDE, Head, View
from asmnet_edge.data.drawn_traits import Look
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pictures import Picture

GRID = 96  # pixels of the map on which the surface is computed
RELIEF = 192  # and to which it is refined
REACH = 1.75  # no part of the head is farther from its middle, in inter-ocular distances
STEPS, STRIDE = 16, 0.7  # of the march along each ray


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
    """The head's surface as maps: radius (RELIEF, RELIEF), normals (RELIEF, RELIEF, 3) outwards,
    hollow (RELIEF, RELIEF): how deep a place lies below its surroundings; all float32.
    """

    radius: FloatArray
    normals: FloatArray
    hollow: FloatArray


def _relief(head: Head, look: Look) -> _Relief:
    directions = from_map(map_places(GRID)).reshape(-1, 3)
    coarse = head.radius(directions).reshape(GRID, GRID)
    radius = cv2.resize(coarse, (RELIEF, RELIEF), interpolation=cv2.INTER_CUBIC)
    hair = cv2.resize(hair_cover(look), (RELIEF, RELIEF), interpolation=cv2.INTER_AREA)
    radius = radius + look.hair_volume * cv2.GaussianBlur(hair, (0, 0), 2.5) + _ears()
    points = radius[..., None] * from_map(map_places(RELIEF))
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(down, across)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9
    hollow = cv2.GaussianBlur(radius, (0, 0), 5) - radius
    return _Relief(radius, normals.astype(np.float32), hollow)


def _ears() -> FloatArray:
    """How far the ears stand out of the head (RELIEF, RELIEF)."""
    u, v = np.moveaxis(map_places(RELIEF), -1, 0)
    off = ((np.abs(u) - 1.5) / 0.12) ** 2 + ((v + 0.05) / 0.28) ** 2
    return 0.16 * np.exp(-(off**2))


def _draw_head(
    picture: Picture, head: Head, view: View, look: Look, rng: Generator
) -> None:
    """Paint the head over ``picture`` in place."""
    window = _window(view, picture.shape[0])
    columns, rows = np.meshgrid(np.arange(picture.shape[1]), np.arange(picture.shape[0]))
    x = ((columns[window] - view.centre[0]) / view.scale).astype(np.float32)
    y = ((rows[window] - view.centre[1]) / view.scale).astype(np.float32)
    relief = _relief(head, look)
    places, gap = _march(relief.radius, view.turn.astype(np.float32), x, y)
    skin = _sample(paint(to_map(head.knots[:68]), look, rng), places)
    lit = skin * _shade(relief, places, view, look)
    cover = np.clip(1 - gap * view.scale, 0, 1)[..., None]
    behind = picture[window]
    picture[window] = np.clip(behind + cover * (lit - behind), 0, 255)


def _window(view: View, size: int) -> tuple[slice, slice]:
    """Rows and columns of the picture that the head may touch."""
    low = np.clip(np.floor(view.centre - REACH * view.scale), 0, size).astype(int)
    high = np.clip(np.ceil(view.centre + REACH * view.scale), 0, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _march(
    radius: FloatArray, turn: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where rays along z through (x, y) meet the skin, by steps as long as the way still to go.

    x, y : (h, w) from the head's middle. Returns places (h, w, 2) on the map and the gap (h, w) by
    which the ray passes the skin, about 0 where it hits.
    """
    flat = x * x + y * y
    depth = -np.sqrt(np.maximum(REACH**2 - flat, 0))
    best, gap = np.zeros((*x.shape, 2), np.float32), np.full_like(x, np.inf)
    for _ in range(STEPS):
        distance = np.sqrt(flat + depth * depth)
        directions = np.stack([x, y, depth], axis=-1) @ turn / distance[..., None]
        places = to_map(directions)
        clearance = distance - _sample(radius, places)
        nearer = clearance < gap
        gap = np.where(nearer, clearance, gap)
        np.copyto(best, places, where=nearer[..., None])
        depth += STRIDE * clearance
    return best, gap


def _sample(values: FloatArray, places: FloatArray) -> FloatArray:
    """``values`` (n, n, ...) of a map at ``places`` (h, w, 2), between pixels."""
    at = ((places / EXTENT + 1) * (len(values) / 2) - 0.5).astype(np.float32)
    return cv2.remap(values, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _shade(relief: _Relief, places: FloatArray, view: View, look: Look) -> FloatArray:
    """Factors (h, w, 3) on the skin's colour: diffuse light, a little shine, dark hollows."""
    normals = _sample(relief.normals, places) @ view.turn.T.astype(np.float32)
    diffuse = np.maximum(normals @ look.light.astype(np.float32), 0)
    half = look.light + [0, 0, -1]
    shine = np.maximum(normals @ (half / np.linalg.norm(half)).astype(np.float32), 0) ** 24
    open_sky = np.clip(1 - 4 * _sample(relief.hollow, places), 0.55, 1.1)
    light = (look.ambient + (1.15 - look.ambient) * diffuse) * open_sky + look.gloss * shine
    return light[..., None] * look.lamp.astype(np.float32)


def _draw_body(picture: Picture, view: View, look: Look) -> None:
    """Long hair, neck and shoulders behind the head, in place."""
    middle, unit = view.centre, view.scale
    skin, top = look.skin * look.ambient, view.project(INSIDE + np.array([[0, 0.4, 0.1]]))[0]
    if look.long_hair:
        _polygon(picture, middle + unit * _LOCKS, look.hair * 0.55)
    foot = middle + unit * np.array([0, 1.75])
    throat = [top - [0.5 * unit, 0], top + [0.5 * unit, 0], foot + [0.56 * unit, 0]]
    _polygon(picture, np.stack([*throat, foot - [0.56 * unit, 0]]), skin)
    _polygon(picture, middle + unit * _SHOULDERS, look.clothes)


_LOCKS = smooth(
    np.array([[-0.7, -1.0], [0.7, -1.0], [1.05, 0.2], [1.1, 1.6], [0, 1.8], [-1.1, 1.6], [-1.05, 0.2]]),
    closed=True,
)
_SHOULDERS = np.concatenate(
    [smooth(np.array([[-2.6, 2.6], [-1.6, 1.75], [-0.55, 1.5], [0, 1.85], [0.55, 1.5], [1.6, 1.75], [2.6, 2.6]])),
     [[2.6, 4], [-2.6, 4]]]
)


def _draw_glasses(picture: Picture, head: Head, view: View, look: Look) -> None:
    """Rims around the eyes, the bridge, and the bow on the side that is turned to the camera."""
    points = head.skin(head.knots[:68])
    width = max(1, round(look.glasses * view.scale))
    angle = np.linspace(0, 2 * np.pi, 24)
    circle = np.stack([0.27 * np.cos(angle), 0.2 * np.sin(angle), 0 * angle], axis=1)
    for eye, side in ((slice(36, 42), -1), (slice(42, 48), 1)):
        middle = points[eye].mean(axis=0) + [0.02 * side, 0.03, -0.12]
        rim = circle + middle + np.abs(circle[:, :1]) * 0
        _stroke(picture, view.project(rim), width, look.rim)


def _polygon(picture: Picture, outline: FloatArray, colour: FloatArray) -> None:
    cv2.fillPoly(picture, [fixed_point(outline)], colour.tolist(), cv2.LINE_AA, SUBPIXEL)


def _stroke(picture: Picture, line: FloatArray, width: int, colour: FloatArray) -> None:
    cv2.polylines(
        picture, [fixed_point(line)], False, colour.tolist(), width, cv2.LINE_AA, SUBPIXEL
    )


def _backdrop(rng: Generator, size: int) -> Picture:
    """A blurred room (size, size, 3): a gradient with a few large shapes and clouds."""
    corners = rng.uniform(20, 235, 3) + rng.uniform(-45, 45, (2, 2, 3))
    room = cv2.resize(corners.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    for _ in range(rng.integers(0, 7)):
        x, y, width, height = (size * rng.uniform([0, 0, 0.1, 0.1], [1, 1, 0.6, 0.6])).astype(int)
        cv2.rectangle(room, (x, y), (x + width, y + height), rng.uniform(10, 245, 3).tolist(), -1)
    room += cv2.resize(rng.normal(0, 8, (12, 12, 3)), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(cv2.blur(room, (size // 24 + 1,) * 2), 0, 255).astype(np.uint8)


def _photograph(picture: Picture, look: Look, rng: Generator) -> Picture:
    """What lens, sensor and file format do to ``picture``."""
    blurred = cv2.GaussianBlur(picture, (0, 0), look.blur * len(picture) / 256)
    noise = look.noise * rng.standard_normal(picture.shape, np.float32)
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    file = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, look.quality])[1]
    return cv2.imdecode(file, cv2.IMREAD_COLOR)  # type: ignore[return-value]
