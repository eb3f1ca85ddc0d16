"""The solid head behind a drawn face: a star-shaped surface through landmarks, and where it is seen.

The head is described from a point inside it: in direction d (unit) the skin lies at radius r(d). r
interpolates the 68 points of the mean face and some of the skull, after identity and expression have
moved them, with the radial basis |d - d_i|^3 and a linear part (e.g. Wendland, "Scattered Data
Approximation", 2005, chapter 8). Units are inter-ocular distances, axes those of ``pose``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from asmnet_edge.data.drawn_traits import KNOBS, Build
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import mean_face, rotation

INSIDE = np.array([0.0, 0.15, 0.75])  # the point inside the head that all directions start from
HINGE = np.array([0.0, 0.2, 0.75])  # the axis, along x, about which the jaw opens
STIFFNESS = 2e-5  # of the interpolation: how far the skin may pass by a point, to stay smooth
JAW = slice(0, 17)
JAW_MARCH = np.linspace(1.0, 0.5, 26)  # how far a jaw point may wander to the middle of the face

# right half of the face (x > 0) or midline, where the landmarks leave wide gaps
FLESH = (
    *((0.45, 0.33, 0.03), (0.27, 0.24, -0.03), (0.30, 0.50, -0.07), (0.62, 0.30, 0.16)),
    *((0.36, 0.62, -0.02), (0.56, 0.62, 0.16), (0.45, 0.85, 0.08), (0.70, 0.05, 0.25)),
    *((0.10, 0.13, -0.11), (0.12, 0.27, -0.15), (0.15, 0.42, -0.17), (0.19, 0.46, -0.09)),
    *((0.0, 1.0, -0.085), (0.0, 1.13, -0.12), (0.22, 1.07, -0.05), (0.0, 0.6, -0.18)),
    *((0.70, -0.25, 0.25), (0.36, 0.13, 0.0), (0.33, -0.13, -0.04)),
)
SKULL_CENTRE, SKULL_RADII = np.array([0.0, -0.22, 0.84]), np.array([0.86, 0.95, 1.02])
THROAT = (
    *((0.0, 1.15, 0.3), (0.0, 1.05, 0.7), (0.3, 1.08, 0.35), (0.5, 0.92, 0.5), (0.4, 0.95, 0.8)),
    *((0.64, 0.7, 0.7), (0.74, 0.45, 0.85), (0.0, 0.9, 1.3), (0.55, 0.55, 1.3)),
)


@dataclass(frozen=True)
class Head:
    """A head's surface: r(d) = sum_i w_i |d - d_i|^3 + a + b.d

    knots : (n, 3) unit directions d_i, landmarks first; weights : (n + 4,) w, a, b
    """

    knots: FloatArray
    weights: FloatArray

    def radius(self, directions: FloatArray) -> FloatArray:
        """Distance (m,) of the skin from `INSIDE` in the unit ``directions`` (m, 3)."""
        return _basis(directions, self.knots) @ self.weights.astype(directions.dtype)

    def skin(self, directions: FloatArray) -> FloatArray:
        """The surface points (m, 3) in those unit ``directions`` (m, 3)."""
        return INSIDE + self.radius(directions)[:, None] * directions


@dataclass(frozen=True)
class View:
    """Weak perspective p = s R[:2] (X - INSIDE) + t.

    turn : (3, 3) rotation R; scale : s, pixels per inter-ocular distance; centre : (2,) t, pixels
    """

    turn: FloatArray
    scale: float
    centre: FloatArray

    def project(self, points: FloatArray) -> FloatArray:
        """Picture coordinates (..., 2) of ``points`` (..., 3) of the head."""
        return self.scale * (points - INSIDE) @ self.turn[:2].T + self.centre


def view_of(build: Build, size: int) -> View:
    """The view of that build in a picture of ``size`` pixels a side."""
    return View(rotation(build.pose), build.scale * size, build.centre * size - 0.5)


def head_of(build: Build) -> Head:
    """The head with that build's identity and expression."""
    points = _turn_knobs(_rest(), build.knobs)
    points = _open_jaw(_open_lids(points, build.lids), build.jaw_drop)
    rays = points - INSIDE
    radii = np.linalg.norm(rays, axis=1)
    return _fit(rays / radii[:, None], radii)


def landmarks_3d(head: Head, view: View) -> FloatArray:
    """The 68 landmarks (68, 3) on the head's skin, the jaw where ``view`` has its outline."""
    directions = head.knots[:68].copy()
    directions[JAW] = _outline(head, view)
    return head.skin(directions)


def _outline(head: Head, view: View) -> FloatArray:
    """Unit directions (17, 3) of the jaw points as annotators put them.

    On the side turned away the jaw hides behind the cheek, and they follow the visible outline: each
    point wanders towards the middle of the face as long as that brings it further outwards in the
    picture. On the side turned to the camera nothing does, and the points stay on the jaw.
    """
    front = np.array([0.0, 0.25, -1.0]) / np.linalg.norm([0.0, 0.25, -1.0])
    paths = front + JAW_MARCH[:, None, None] * (head.knots[JAW] - front)
    paths /= np.linalg.norm(paths, axis=-1, keepdims=True)
    seen = view.project(head.skin(paths.reshape(-1, 3))).reshape(*paths.shape[:2], 2)
    outwards = _jaw_normals() @ view.turn[:2, :2].T
    best = (seen * outwards).sum(axis=-1).argmax(axis=0)
    return paths[best, np.arange(len(best))]


@cache
def _jaw_normals() -> FloatArray:
    """Outward normals (17, 2) of the mean face's jaw line, x, y."""
    along = np.gradient(mean_face()[JAW, :2], axis=0)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


@cache
def _rest() -> FloatArray:
    """The control points (n, 3) of the mean head: landmarks, flesh, throat, skull."""
    half = np.array([*FLESH, *THROAT])
    other = half[half[:, 0] > 0] * [-1, 1, 1]
    return np.concatenate([mean_face(), half, other, _skull()])


def _skull() -> FloatArray:
    """Points (n, 3) of an ellipsoid above the brows and behind the ears."""
    count = 60
    height = 1 - (2 * np.arange(count) + 1) / count
    around = np.arange(count) * np.pi * (3 - np.sqrt(5))  # golden angle: evenly spread
    flat = np.sqrt(1 - height**2)
    sphere = np.stack([flat * np.cos(around), height, flat * np.sin(around)], axis=1)
    points = SKULL_CENTRE + SKULL_RADII * sphere
    above, behind = points[:, 1] < -0.5, (points[:, 2] > 1.0) & (points[:, 1] < 0.4)
    return points[above | behind]


def _turn_knobs(points: FloatArray, amounts: FloatArray) -> FloatArray:
    """``points`` (n, 3) after turning each of `KNOBS` by ``amounts`` (2, knobs), left and right."""
    side = np.sign(points[:, :1])
    folded = points * np.concatenate([side, np.ones((len(points), 2))], axis=1)
    # the midline belongs to both halves
    share = (1 + side * np.array([[-1.0, 1.0]])) / 2
    centres, moves, grows = (np.array([getattr(k, a) for k in KNOBS]) for a in _KNOB_VECTORS)
    offsets = folded[:, None] - centres
    reach = np.array([k.reach for k in KNOBS])
    near = np.exp(-0.5 * (offsets**2).sum(axis=-1) / reach**2) * (share @ amounts)
    steps = np.einsum("nk,nkc->nc", near, moves + grows * offsets)
    return points + steps * np.concatenate([side, np.ones((len(points), 2))], axis=1)


_KNOB_VECTORS = ("centre", "move", "grow")


def _open_lids(points: FloatArray, opening: float) -> FloatArray:
    """``points`` (n, 3) with the lids' distance from the line between the corners times ``opening``."""
    points = points.copy()
    for first in (36, 42):
        inner, outer = points[first], points[first + 3]
        for i, share in ((1, 1 / 3), (2, 2 / 3), (4, 2 / 3), (5, 1 / 3)):
            line = inner + share * (outer - inner)
            points[first + i, 1] = line[1] + opening * (points[first + i, 1] - line[1])
    return points


def _open_jaw(points: FloatArray, degrees: float) -> FloatArray:
    """``points`` (n, 3) with the lower jaw turned down about its hinge."""
    turn = rotation(np.array([0.0, -degrees, 0.0]))
    turned = (points - HINGE) @ turn.T + HINGE
    return points + _jaw_share()[:, None] * (turned - points)


@cache
def _jaw_share() -> FloatArray:
    """How far each control point (n,) follows the lower jaw, 0 to 1."""
    points = _rest()
    # from the mouth's corners downwards, and not behind the jaw's own edge
    share = np.clip((points[:, 1] - 0.66) / 0.3, 0, 1) * np.clip((0.9 - points[:, 2]) / 0.5, 0, 1)
    share[[55, 56, 57, 58, 59, 65, 66, 67]] = [0.8, 1, 1, 1, 0.8, 1, 1, 1]
    share[[48, 54, 60, 64]] = 0.35
    share[[49, 50, 51, 52, 53, 61, 62, 63]] = 0
    return share


def _fit(directions: FloatArray, radii: FloatArray) -> Head:
    """The smooth surface through, or nearly through, ``radii`` (n,) in ``directions`` (n, 3)."""
    count = len(radii)
    system = np.zeros((count + 4, count + 4))
    system[:count] = _basis(directions, directions)
    system[:count, :count] += STIFFNESS * np.eye(count)
    system[count:, :count] = system[:count, count:].T
    return Head(directions, np.linalg.solve(system, np.append(radii, np.zeros(4))))


def _basis(directions: FloatArray, knots: FloatArray) -> FloatArray:
    """Values (m, n + 4) at ``directions`` (m, 3) of |d - d_i|^3 for ``knots`` (n, 3), of 1 and of d."""
    basis = np.empty((len(directions), len(knots) + 4), directions.dtype)
    # of unit vectors: |d - e|^2 = 2 - 2 d.e, but for rounding never less than 0
    square = directions @ (-2 * knots.T).astype(directions.dtype)
    square += 2
    np.maximum(square, 0, out=square)
    np.multiply(square, np.sqrt(square), out=basis[:, :-4])
    basis[:, -4], basis[:, -3:] = 1, directions
    return basis
