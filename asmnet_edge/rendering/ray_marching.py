"""Ray marching over a map of a head's surface, and the light on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.rendering.head import Head, View
from asmnet_edge.rendering.painting import ear_offset
from asmnet_edge.rendering.skin_map import (
    Window,
    blurred,
    from_map,
    map_places,
    read_map,
    resized,
    to_map,
)
from asmnet_edge.rendering.traits import Look

GRID = 60  # pixels of the map on which the surface is computed
RELIEF = 128  # and to which it is refined
REACH = 1.65  # no part of the head is farther from its middle, in inter-ocular distances
MARGIN = 0.3  # hair and ears reach no farther beyond the bare head
COARSE_STEPS, FINE_STEPS = 10, 3  # of the march along each ray
STRIDE = 0.95  # of the way still to go
HAIR_RISE = 4.0  # share of the hair's full height, per unit of depth inside it
EAR_HEIGHT = 0.13  # how far ears stand out of the head


@dataclass(frozen=True)
class Relief:
    """The surface of a head as float32 maps.

    radius : (n, n); normals : (n, n, 3) outwards, unit; hollow : (n, n), how far a place lies below
    its surroundings
    """

    radius: FloatArray
    normals: FloatArray
    hollow: FloatArray


@dataclass(frozen=True)
class Visible:
    """The visible part of a head.

    window : the part of the picture, h x w, that it may touch
    places : (h, w, 2) on the map; cover : (h, w, 1), how much of each pixel the head covers
    """

    window: Window
    places: FloatArray
    cover: FloatArray


def relief_of(head: Head, hair: FloatArray, look: Look) -> Relief:
    """Return the surface of ``head`` with ears and hair; ``hair`` : `hair_depth` of ``look``."""
    bare = head.radius(from_map(map_places(GRID)).reshape(-1, 3)).reshape(GRID, GRID)
    # hair rises more slowly than it covers the skin, or the skin beside it would rise as well
    hair_height = look.hair_volume * np.clip(HAIR_RISE * hair, 0, 1)
    raised = resized(np.maximum(hair_height, _ear_height()), RELIEF, cv2.INTER_AREA)
    radius = resized(bare, RELIEF, cv2.INTER_CUBIC) + blurred(raised, 1.5)
    return Relief(radius, _normals(radius), blurred(radius, 4) - radius)


def trace_head(relief: Relief, head: Head, view: View, size: int) -> Visible:
    """Return what a picture of ``size`` pixels a side shows of ``head`` with ``relief``."""
    low, high = _bounds(head, view, size)
    lines = [
        (np.arange(a, b) - c) / view.scale for a, b, c in zip(low, high, view.centre, strict=True)
    ]
    x, y = (a.astype(np.float32) for a in np.meshgrid(*lines))
    places, gap = _trace(relief.radius, view.turn.astype(np.float32), x, y)
    window = slice(low[1], high[1]), slice(low[0], high[0])
    return Visible(window, places, _cover(gap * view.scale))


def light_on(relief: Relief, places: FloatArray, view: View, look: Look) -> FloatArray:
    """Factors (h, w, 3) on colours at ``places``: diffuse light, a little shine, dark hollows."""
    normals = read_map(relief.normals, places) @ view.turn.T.astype(np.float32)
    diffuse = np.maximum(normals @ look.light.astype(np.float32), 0)
    halfway = look.light - np.array([0.0, 0.0, 1.0])  # between lamp and camera
    halfway /= np.linalg.norm(halfway)
    shine = np.maximum(normals @ halfway.astype(np.float32), 0) ** 24
    open_sky = np.clip(1 - 4 * read_map(relief.hollow, places), 0.55, 1.1)
    light = (look.ambient + (1.05 - look.ambient) * diffuse) * open_sky + look.gloss * shine
    return np.asarray(light[..., None] * look.lamp.astype(np.float32))


@cache
def _ear_height() -> FloatArray:
    """How far the ears stand out of the head, (MAP_SIZE, MAP_SIZE) float32."""
    return np.asarray(EAR_HEIGHT * np.exp(-(ear_offset() ** 4)))


def _normals(radius: FloatArray) -> FloatArray:
    """Outward unit normals (n, n, 3) of the surface with ``radius`` (n, n)."""
    points = radius[..., None] * from_map(map_places(len(radius)))
    normals = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
    # behind the rim of the map all points are one, and have no normal
    return np.asarray(normals / (np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-9))


def _bounds(head: Head, view: View, size: int) -> tuple[list[int], list[int]]:
    """First, and one past the last, column and row that the head may touch."""
    seen, margin = view.project(head.skin(head.knots)), MARGIN * view.scale
    low = (seen.min(axis=0) - margin).clip(0, size)
    high = (seen.max(axis=0) + margin).clip(0, size)
    return low.astype(int).tolist(), high.astype(int).tolist()


def _trace(
    radius: FloatArray, turn: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Where rays along z through ``x``, ``y`` (h, w) meet the skin.

    Returns places (h, w, 2) on the map, of a ray that misses the head where it comes nearest, and
    the gap (h, w) by which it misses, at most about 0 if it does not. First every other ray is
    followed, then all from where those ended.
    """
    height, width = x.shape
    half_x, half_y = (_resized_to(a, (width + 1) // 2, (height + 1) // 2) for a in (x, y))
    start = -np.sqrt(np.maximum(REACH**2 - half_x**2 - half_y**2, 0))
    depth, _ = _march(radius, _Rays(half_x, half_y, turn), start, COARSE_STEPS)
    rays = _Rays(x, y, turn)
    depth, gap = _march(radius, rays, _resized_to(depth, width, height), FINE_STEPS)
    return rays.at(depth)[0], gap


def _resized_to(values: FloatArray, width: int, height: int) -> FloatArray:
    return cv2.resize(values, (width, height))  # type: ignore[return-value]


class _Rays:
    """Rays along z through x, y (h, w), seen from the head that ``turn`` (3, 3) turned."""

    def __init__(self, x: FloatArray, y: FloatArray, turn: FloatArray) -> None:
        self._base = np.stack([x, y], axis=-1) @ turn[:2]
        self._along, self._square = turn[2], x * x + y * y

    def at(self, depth: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Places (h, w, 2) on the map and distances (h, w) from the head's middle at ``depth``."""
        distance = np.sqrt(self._square + depth * depth)
        points = self._base + depth[..., None] * self._along
        return to_map(points / distance[..., None]), distance


def _march(
    radius: FloatArray, rays: _Rays, depth: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Follow ``rays`` from ``depth`` (h, w) by steps about as long as the way still to go.

    Returns the depth (h, w) at which each was nearest to the skin, and how high (h, w) above the
    skin it was where it was lowest.
    """
    best, nearest = depth, np.full_like(depth, np.inf)
    gap = nearest
    for _ in range(steps):
        places, distance = rays.at(depth)
        height = distance - read_map(radius, places)
        best = np.where(np.abs(height) < nearest, depth, best)
        nearest, gap = np.minimum(np.abs(height), nearest), np.minimum(height, gap)
        depth = depth + STRIDE * height
    return best, gap


def _cover(gap: FloatArray) -> FloatArray:
    """How much of each pixel the head covers, (h, w, 1), from the ``gap`` (h, w) in pixels.

    The edge fades over one pixel. Rays that graze the nose run out of steps before they meet the
    cheek behind it: closing fills the slits that they would leave.
    """
    cover = np.clip(1 - gap, 0, 1).astype(np.float32)
    side = len(cover) // 40 * 2 + 1
    closed = cv2.morphologyEx(cover, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return np.asarray(closed, np.float32)[..., None]
