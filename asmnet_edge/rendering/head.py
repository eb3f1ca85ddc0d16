"""The solid head behind a drawn face: a star-shaped surface through landmarks, and its projection.

The head is described from a point inside it: in direction d (unit) its skin lies at radius r(d). r
interpolates the control points with the radial basis |d - d_i|^3 and a linear part (e.g. Wendland,
"Scattered Data Approximation", 2005, chapter 8). Units are inter-ocular distances, axes those of
`asmnet_edge.geometry.pose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import mean_face, rotation
from asmnet_edge.rendering.traits import Build, control_points

INSIDE = np.array([0.0, 0.15, 0.75])  # the point inside the head that all directions start from
STIFFNESS = 2e-5  # of the interpolation: how far the skin may pass by a point, to stay smooth
JAW = slice(0, 17)
FRONT = np.array([0.0, 0.25, -1.0]) / np.hypot(0.25, 1.0)  # direction of the nose's base
JAW_MARCH = np.linspace(1.0, 0.5, 26)  # how far a jaw point may move to the middle of the face


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
        return np.asarray(self.scale * (points - INSIDE) @ self.turn[:2].T + self.centre)


def view_of(build: Build, size: int) -> View:
    """Return the view of ``build`` in a picture of ``size`` pixels a side."""
    return View(rotation(build.pose), build.scale * size, build.centre * size - 0.5)


def head_of(build: Build) -> Head:
    """Return the head with the identity and expression of ``build``."""
    rays = control_points(build) - INSIDE
    radii = np.linalg.norm(rays, axis=1)
    return _fit(rays / radii[:, None], radii)


def landmarks_3d(head: Head, view: View) -> FloatArray:
    """Return the landmarks (68, 3) on the skin of ``head``, the jaw on the outline in ``view``."""
    directions = head.knots[:68].copy()
    directions[JAW] = _outline(head, view)
    return head.skin(directions)


def _outline(head: Head, view: View) -> FloatArray:
    """Unit directions (17, 3) of the jaw points as annotators put them.

    On the side turned away the jaw hides behind the cheek, and they follow the visible outline:
    each point moves towards the middle of the face to where it is farthest out in the picture. On
    the side turned to the camera it stays on the jaw.
    """
    paths = FRONT + JAW_MARCH[:, None, None] * (head.knots[JAW] - FRONT)
    paths /= np.linalg.norm(paths, axis=-1, keepdims=True)
    seen = view.project(head.skin(paths.reshape(-1, 3))).reshape(*paths.shape[:2], 2)
    outwards = _jaw_normals() @ view.turn[:2, :2].T
    best = (seen * outwards).sum(axis=-1).argmax(axis=0)
    return np.asarray(paths[best, np.arange(len(best))])


@cache
def _jaw_normals() -> FloatArray:
    """Outward normals (17, 2) of the mean face's jaw line, x, y."""
    along = np.gradient(mean_face()[JAW, :2], axis=0)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def _fit(directions: FloatArray, radii: FloatArray) -> Head:
    """The smooth surface through, or nearly through, ``radii`` (n,) in ``directions`` (n, 3)."""
    count = len(radii)
    system = np.zeros((count + 4, count + 4))
    system[:count] = _basis(directions, directions)
    system[:count, :count] += STIFFNESS * np.eye(count)
    system[count:, :count] = system[:count, count:].T
    return Head(directions, np.linalg.solve(system, np.append(radii, np.zeros(4))))


def _basis(directions: FloatArray, knots: FloatArray) -> FloatArray:
    """|d - d_i|^3 for all ``knots`` d_i (n, 3), 1 and d at ``directions`` d (m, 3): (m, n + 4)."""
    basis = np.empty((len(directions), len(knots) + 4), directions.dtype)
    # of unit vectors: |d - e|^2 = 2 - 2 d.e, but for rounding never less than 0
    square = directions @ (-2 * knots.T).astype(directions.dtype)
    square += 2
    np.maximum(square, 0, out=square)
    np.multiply(square, np.sqrt(square), out=basis[:, :-4])
    basis[:, -4], basis[:, -3:] = 1, directions
    return basis
