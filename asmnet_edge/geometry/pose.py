"""Head pose: the definition of its axes and signs, and the fit of a 3-D mean face to landmarks.

Axes: x to the picture's right, y down, z away from the camera, for the picture and for the head
that looks straight into it. Angles in degrees, from the viewer's point of view:

* yaw   > 0: the nose points to the picture's right
* pitch > 0: the nose points up
* roll  > 0: the head is tilted clockwise

R = Rz(roll) Ry(-yaw) Rx(-pitch). Roll is applied last, so that turning a picture clockwise by a
adds exactly a to roll, and mirroring it exactly negates yaw and roll.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme

AXES = ("yaw", "pitch", "roll")
ITERATIONS = 15  # of Gauss-Newton; it moves by less than 1e-6 degrees after about eight


def rotation(angles: FloatArray) -> FloatArray:
    """Return rotations (..., 3, 3) of ``angles`` (..., 3): yaw, pitch, roll in degrees."""
    yaw, pitch, roll = np.moveaxis(np.deg2rad(angles), -1, 0)
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    rows = [
        [cr * cy, cr * sy * sp - sr * cp, -cr * sy * cp - sr * sp],
        [sr * cy, sr * sy * sp + cr * cp, -sr * sy * cp + cr * sp],
        [sy, -cy * sp, cy * cp],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def angles(matrices: FloatArray) -> FloatArray:
    """Return yaw, pitch, roll in degrees (..., 3) of rotation ``matrices`` (..., 3, 3)."""
    yaw = np.arcsin(np.clip(matrices[..., 2, 0], -1, 1))
    pitch = np.arctan2(-matrices[..., 2, 1], matrices[..., 2, 2])
    roll = np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0])
    return np.rad2deg(np.stack([yaw, pitch, roll], axis=-1))


def mirrored(pose: FloatArray) -> FloatArray:
    """Return the ``pose`` (..., 3), degrees, of a head in the picture's mirror image."""
    return pose * np.array([-1.0, 1.0, -1.0])


def turned(pose: FloatArray, clockwise: float) -> FloatArray:
    """Return the ``pose`` (..., 3) of a head in the picture turned ``clockwise``; degrees."""
    turned_pose = pose + np.array([0.0, 0.0, clockwise])
    turned_pose[..., 2] = (turned_pose[..., 2] + 180.0) % 360.0 - 180.0
    return turned_pose


@cache
def mean_face() -> FloatArray:
    """Return the 3-D mean face (68, 3) in the head's axes: eye corners 1 apart, 0 between the eyes.

    Made by ``scripts/fit_mean_face.py`` from training shapes; the jaw is the outline of a frontal
    face, not a place on the head, and does not take part in fits.
    """
    file = resources.files("asmnet_edge") / "assets" / "mean_face_68.csv"
    with file.open() as lines:
        face = np.loadtxt(lines, delimiter=",", comments="#")
    face.setflags(write=False)
    return face


def rigid_points() -> list[int]:
    """Return the indices of iBUG points that are rigid on the head: no jaw, no inner mouth."""
    return [i for i in range(IBUG68.points) if 17 <= i < 60]


def in_plane_roll(points: FloatArray, scheme: LandmarkScheme = IBUG68) -> float:
    """Return the clockwise tilt of the face of ``points`` (n, 2), degrees in (-180, 180].

    It is the turn that brings the frontal mean face's rigid points nearest to these (2-D
    Procrustes, in closed form). From the front it is the roll of `fit_pose`. Of a head that is
    turned and looks up or down it is the tilt of the features in the picture, which is another
    angle; but in profile, where noise of the points makes roll undefined, it is as steady as from
    the front. A scheme without the rigid points is tilted as the line between its outer eye corners
    is.
    """
    if len(scheme.to_ibug68) != IBUG68.points:
        left, right = points[list(scheme.eye_corners)]
        return float(np.rad2deg(np.arctan2(*(right - left)[::-1])))
    rigid = _complex(points[_rigid(scheme.to_ibug68)])
    return float(np.rad2deg(np.angle(np.vdot(_flat_face(), rigid))))


@cache
def _rigid(to_ibug68: tuple[int, ...]) -> list[int]:
    """Indices of the rigid points in a scheme."""
    return [to_ibug68[i] for i in rigid_points()]


@cache
def _flat_face() -> NDArray[np.complex128]:
    """The frontal mean face's rigid points (points,) about their centre."""
    flat = mean_face()[rigid_points(), :2]
    return _complex(flat - flat.mean(axis=0))


def _complex(points: FloatArray) -> NDArray[np.complex128]:
    """``points`` (n, 2) as numbers x + iy (n,)."""
    return np.ascontiguousarray(points, np.float64).view(np.complex128)[:, 0]


def fit_pose(landmarks: FloatArray, scheme: LandmarkScheme = IBUG68) -> FloatArray:
    """Return yaw, pitch, roll (faces, 3) in degrees of the faces of ``landmarks``.

    landmarks : (faces, n, 2) x to the right, y down, in any unit

    Least squares of weak perspective p = s R[:2] X + t over the mean face's rigid points, by
    Gauss-Newton from the frontal, in-plane aligned pose. `DataError` for a scheme without a map to
    the 68 points of iBUG, to which the mean face belongs.
    """
    if not scheme.to_ibug68:
        raise DataError(
            f"the head pose of {scheme.name} landmarks cannot be fitted: the scheme has no map to "
            "the 68 points of iBUG",
            "Give each face's exact pose (pose.csv beside a csv: file), or set "
            "LandmarkScheme.to_ibug68",
        )
    chosen = rigid_points()
    observed = landmarks[:, [scheme.to_ibug68[i] for i in chosen]].astype(np.float64)
    return angles(fit_weak_perspective(observed, mean_face()[chosen])[0])


def exact_or_fitted(
    exact: Sequence[FloatArray | None], landmarks: FloatArray, scheme: LandmarkScheme = IBUG68
) -> FloatArray:
    """Return yaw, pitch, roll (faces, 3) in degrees: ``exact`` where known, else by `fit_pose`.

    exact : (faces,) of (3,) or None; landmarks : (faces, n, 2), any unit, y down. `DataError` when
    a pose is unknown and cannot be fitted.
    """
    unknown = np.array([pose is None for pose in exact], bool)
    pose = np.zeros((len(exact), len(AXES)))
    if unknown.any():
        pose[unknown] = fit_pose(landmarks[unknown], scheme)
    for face in np.flatnonzero(~unknown).tolist():
        pose[face] = exact[face]
    return pose


def fit_weak_perspective(
    observed: FloatArray, model: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rotations (faces, 3, 3), scales (faces,) and residuals (faces, n, 2) of the best fit.

    p = s R[:2] X + t by least squares; observed p : (faces, n, 2), any unit; model X : (n, 3). Both
    are centred first, which solves for t.
    """
    observed = observed - observed.mean(axis=1, keepdims=True)
    model = model - model.mean(axis=0)
    turn, scale = _aligned_in_plane(observed, model)
    for _ in range(ITERATIONS):
        turned_model = model @ turn.swapaxes(-1, -2)
        residual = observed - scale[:, None, None] * turned_model[..., :2]
        step = _gauss_newton_step(residual, turned_model, scale)
        turn = _exponential(step[:, :3]) @ turn
        scale = scale * np.exp(step[:, 3])
    return turn, scale, observed - scale[:, None, None] * (model @ turn.swapaxes(-1, -2))[..., :2]


def _aligned_in_plane(observed: FloatArray, model: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rotation about z and scale that bring the frontal model nearest to each face.

    With points as complex numbers this is one division (2-D Procrustes).
    """
    seen = observed[..., 0] + 1j * observed[..., 1]
    flat = model[:, 0] + 1j * model[:, 1]
    factor = (seen * flat.conj()).sum(axis=1) / (np.abs(flat) ** 2).sum()
    roll = np.rad2deg(np.angle(factor))
    return rotation(np.stack([0 * roll, 0 * roll, roll], axis=-1)), np.abs(factor)


def _gauss_newton_step(residual: FloatArray, points: FloatArray, scale: FloatArray) -> FloatArray:
    """Step (faces, 4): a small rotation vector and a change of log scale.

    d(s R X) = s (w x RX) + s RX dlog(s), first two rows.
    """
    x, y, z = np.moveaxis(points, -1, 0)
    zero = np.zeros_like(x)
    along_x = np.stack([zero, z, -y, x], axis=-1)
    along_y = np.stack([-z, zero, x, y], axis=-1)
    jacobian = np.concatenate([along_x, along_y], axis=1) * scale[:, None, None]
    target = np.concatenate([residual[..., 0], residual[..., 1]], axis=1)
    normal = jacobian.swapaxes(1, 2) @ jacobian
    # slight damping: a face seen as a straight line would make it singular
    size = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal += (1e-9 * size + np.finfo(float).tiny) * np.eye(4)
    right = jacobian.swapaxes(1, 2) @ target[..., None]
    # points that are no face may ask for any step; a radian and a factor e are far enough
    return np.linalg.solve(normal, right)[..., 0].clip(-1, 1)


def _exponential(vectors: FloatArray) -> FloatArray:
    """Rotation matrices (faces, 3, 3) of rotation vectors (faces, 3): Rodrigues' formula."""
    theta = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    first, second = np.sinc(theta / np.pi), 0.5 * np.sinc(theta / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * cross @ cross
