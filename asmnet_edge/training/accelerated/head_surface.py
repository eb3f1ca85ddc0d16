"""The head in a picture as a surface: a depth for every place, from 68 landmarks.

A mean head (the surface that drawn faces have) is brought to the fitted pose. What landmarks
deviate from it is spread over it by radial interpolation, so that the landmarks' places are exact
and all else follows. Units are inter-ocular distances; the origin is `CENTRE` of the head, x to the
right, y down, z away from the camera, in the head's axes ("head") or the camera's ("camera").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import fit_weak_perspective, mean_face, rigid_points
from asmnet_edge.rendering.head import FRONT, INSIDE, JAW_MARCH, Head, head_of
from asmnet_edge.rendering.traits import KNOBS, Build

CENTRE = np.array([0.0, 0.15, 0.4])  # what stays in place as a head turns, in the mean face's axes
JAW = 17  # number of points of the jaw, the first ones
# how much deeper than in the mean face the jaw lies, from the ear to the chin: its points there are
# the outline of frontal faces; those of training faces turned by 40 to 52 degrees lie behind it
BACK = np.array([-0.11, 0.04, 0.20, 0.29, 0.27, 0.20, 0.13, 0.06, 0.0])
SHELL = 1500  # points that show where the silhouette is
RING = 48  # directions in the picture for which the silhouette is known
BLUNT = 0.08  # rounds the tip of the basis
HIDDEN = 1e4  # times as soft where the head turns away from the camera
# what surrounds the silhouette: times as far out, deeper by, and before that at least so deep
SKIRT = ((1.14, 0.1, 0.0), (1.35, 0.4, 0.1), (1.8, 0.8, 0.3))


@dataclass(frozen=True)
class Mould:
    """The mean head, in the head's axes, left and right alike.

    landmarks : (68, 3); paths : (26, 17, 3) where each jaw point may wander; jaw_normals : (17, 2)
    filling, filling_normals : (n, 3) points between and around the landmarks; shell : (m, 3)
    """

    landmarks: Tensor
    normals: Tensor
    paths: Tensor
    jaw_normals: Tensor
    filling: Tensor
    filling_normals: Tensor
    shell: Tensor


@dataclass(frozen=True)
class View:
    """Weak perspective of each face: turn (B, 3, 3); in pixels: scale (B,), centre (B, 2)."""

    turn: Tensor
    scale: Tensor
    centre: Tensor

    def to_camera(self, pixels: Tensor) -> Tensor:
        """Camera x, y (B, ..., 2) of ``pixels`` (B, ..., 2)."""
        return (pixels - _like(self.centre, pixels)) / _like(self.scale[:, None], pixels)

    def to_pixels(self, places: Tensor) -> Tensor:
        """Pixels (B, ..., 2) of camera ``places`` (B, ..., 2 or 3)."""
        places = places[..., :2]
        return places * _like(self.scale[:, None], places) + _like(self.centre, places)


@dataclass(frozen=True)
class Heads:
    """The heads of a batch, in the camera's axes.

    landmarks : (B, 68, 3); paths : (B, 26, 17, 3); nodes : (B, n, 3) places of known depth;
    softness : (B, n) how far the surface may miss each; outline : (B, RING) silhouette's distance
    from the origin in the directions 2 pi k / RING
    """

    landmarks: Tensor
    paths: Tensor
    nodes: Tensor
    softness: Tensor
    outline: Tensor


def fit_views(points: Tensor) -> View:
    """The view of each face of ``points`` (B, 68, 2), by the mean face's still points."""
    chosen, face = rigid_points(), mean_face()
    observed = points.detach().cpu().numpy().astype(np.float64)[:, chosen]
    turn, scale, _ = fit_weak_perspective(observed, face[chosen])
    arm = (CENTRE - face[chosen].mean(axis=0)) @ turn[:, :2].swapaxes(1, 2)
    centre = observed.mean(axis=1) + scale[:, None] * arm
    return View(*(torch.from_numpy(a).to(points) for a in (turn, scale, centre)))


def shape_heads(points: Tensor, view: View) -> Heads:
    """The heads whose landmarks in the picture are ``points`` (B, 68, 2), seen in ``view``."""
    mould = _mould(points.device, points.dtype)
    count, back = len(points), view.turn.mT
    rest = mould.landmarks.expand(count, -1, -1).clone()
    paths = mould.paths.expand(count, -1, -1, -1)
    rest[:, :JAW] = pick(paths, farthest_out(turn_all(paths, back), view.turn))
    posed = rest @ back
    seen = view.to_camera(points)
    field = Field.through(rest, seen - posed[..., :2], torch.full_like(posed[..., 0], 1e-4))

    def bend(head_points: Tensor) -> Tensor:
        flat = head_points.expand(count, *head_points.shape).reshape(count, -1, 3)
        camera = flat @ back
        shift = torch.nn.functional.pad(field.at(flat), (0, 1))
        return (camera + shift).reshape(count, *head_points.shape)

    landmarks = torch.cat([seen, posed[..., 2:]], dim=-1)
    solid = torch.cat([landmarks, bend(mould.filling)], dim=1)
    shell = torch.cat([bend(mould.shell), _between(landmarks[:, :JAW])], dim=1)
    outline, skirt = _skirt(shell)
    normals = torch.cat([mould.normals, mould.filling_normals]).expand(count, -1, -1) @ back
    doubt = ((normals[..., 2] + 0.1) / 0.3).clamp(0, 1)
    doubt = torch.where(_covered(solid, shell), 1.0, doubt)
    doubt[:, :JAW] = 0
    softness = torch.cat([2e-3 * HIDDEN**doubt, torch.full_like(skirt[..., 0], 1e-2)], dim=1)
    nodes = torch.cat([solid, skirt], dim=1)
    return Heads(landmarks, bend(mould.paths), nodes, softness, outline)


def _between(line: Tensor, parts: int = 4) -> Tensor:
    """Points (B, m, 3) on the stretches between those of ``line`` (B, n, 3), evenly."""
    share = torch.arange(parts, device=line.device, dtype=line.dtype)[:, None, None, None] / parts
    return (line[:, :-1] * (1 - share) + line[:, 1:] * share).movedim(0, 1).flatten(1, 2)


def _covered(points: Tensor, shell: Tensor, near: float = 0.1, gap: float = 0.3) -> Tensor:
    """Whether the ``shell`` (B, m, 3) lies clearly before each of ``points`` (B, n, 3): (B, n)."""
    beside = torch.cdist(points[..., :2], shell[..., :2]) < near
    before = shell[:, None, :, 2] < points[..., 2:] - gap
    return (beside & before).any(dim=-1)


def farthest_out(paths: Tensor, turn: Tensor) -> Tensor:
    """Which place (B, 17) of each of ``paths`` (B, 26, 17, 3), camera, the jaw has.

    On the side turned away annotators follow the visible outline: the place is the farthest out in
    the picture. On the side turned to the camera that is the path's start, on the jaw.
    """
    outwards = _mould(paths.device, paths.dtype).jaw_normals @ turn[:, :2, :2].mT
    return (paths[..., :2] * outwards[:, None]).sum(dim=-1).argmax(dim=1)


def pick(paths: Tensor, which: Tensor) -> Tensor:
    """Place number ``which`` (B, 17) of each of ``paths`` (B, 26, 17, k): (B, 17, k)."""
    index = which[:, None, :, None].expand(-1, 1, -1, paths.shape[-1])
    return paths.gather(1, index)[:, 0]


def turn_all(points: Tensor, matrices: Tensor) -> Tensor:
    """``points`` (B, ..., 3) times ``matrices`` (B, 3, 3) of each face."""
    return (points.flatten(1, -2) @ matrices).reshape(points.shape)


@dataclass(frozen=True)
class Field:
    """Smooth values by radial basis: f(p) = sum_i w_i sqrt(|p - p_i|^2 + BLUNT^2) + c.

    nodes : (B, n, d) p_i; weights : (B, n + 1, k) w, c
    """

    nodes: Tensor
    weights: Tensor

    @staticmethod
    def through(nodes: Tensor, values: Tensor, softness: Tensor) -> Field:
        """The field that has ``values`` (B, n, k) at ``nodes``, or nearly so where soft (B, n)."""
        count = nodes.shape[1]
        system = nodes.new_zeros(len(nodes), count + 1, count + 1)
        # -sqrt is conditionally positive definite: softness adds to the diagonal of -basis
        system[:, :count, :count] = _basis(nodes, nodes) - torch.diag_embed(softness)
        system[:, count, :count] = system[:, :count, count] = 1
        wanted = torch.nn.functional.pad(values, (0, 0, 0, 1))
        return Field(nodes, _solve(system, wanted))

    def at(self, places: Tensor) -> Tensor:
        """Values (B, m, k) at ``places`` (B, m, d)."""
        return _basis(places, self.nodes) @ self.weights[:, :-1] + self.weights[:, -1:]


def _solve(system: Tensor, wanted: Tensor) -> Tensor:
    """``system`` (B, n, n) x = ``wanted`` (B, n, k); on a CPU by NumPy.

    PyTorch 2.13.0+cpu fails there ("Parameter 6 was incorrect on entry to DLASWP", pivots out of
    range) once `torch.set_num_threads` was called, and not before.
    """
    if system.device.type != "cpu":
        return torch.linalg.solve(system, wanted)
    return torch.from_numpy(np.linalg.solve(system.numpy(), wanted.numpy()))


def _basis(places: Tensor, nodes: Tensor) -> Tensor:
    return (
        torch.cdist(places, nodes, compute_mode="donot_use_mm_for_euclid_dist")
        .square_()
        .add_(BLUNT**2)
        .sqrt_()
    )


def _skirt(shell: Tensor) -> tuple[Tensor, Tensor]:
    """Radii (B, RING) of the silhouette of ``shell`` (B, m, 3), and places (B, n, 3) around it.

    The places surround the silhouette, the farther out the deeper: see `SKIRT`.
    """
    directions = ring_directions(shell)
    radius = shell[..., :2].norm(dim=-1)
    along = directions @ shell[..., :2].mT  # (B, RING, m)
    near = along > math.cos(1.5 * math.pi / RING) * radius[:, None]
    reach, which = torch.where(near, radius[:, None], 0).max(dim=-1)
    depth = _even(shell[..., 2].gather(1, which))[..., None]
    reach = _even(reach)
    flat = reach[..., None] * directions
    places = [
        torch.cat([times * flat, depth.clamp(min=least) + deeper], dim=-1)[:, ::2]
        for times, deeper, least in SKIRT
    ]
    return reach, torch.cat(places, dim=1)


def _even(ring: Tensor) -> Tensor:
    """``ring`` (B, RING) with each value a little like its neighbours."""
    return (ring.roll(1, -1) + 2 * ring + ring.roll(-1, -1)) / 4


def ring_directions(like: Tensor) -> Tensor:
    """Unit vectors (RING, 2) in the directions 2 pi k / RING."""
    angle = torch.arange(RING, device=like.device, dtype=like.dtype) * (2 * np.pi / RING)
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def _like(values: Tensor, places: Tensor) -> Tensor:
    """``values`` (B, k) with as many axes as ``places`` (B, ..., k)."""
    return values.reshape(len(values), *[1] * (places.ndim - 2), -1)


@cache
def _mould(device: torch.device, dtype: torch.dtype) -> Mould:
    head = head_of(Build(np.zeros(3), np.zeros((2, len(KNOBS))), 0.0, 1.0, 1.0, np.zeros(2)))
    knots = head.knots[68:]
    right = knots[knots[:, 0] > 0.02]
    middle = knots[np.abs(knots[:, 0]) <= 0.02] * [0, 1, 1]
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    filling = np.concatenate([right, right * [-1, 1, 1], middle])
    normals = _normals(head, filling)
    places = _skin(head, filling) + CENTRE
    front = (normals[:, 2] < 0.3) & ~((places[:, 1] > 0.4) & (places[:, 2] > 0.25))  # no throat
    filling, normals = filling[front], normals[front]
    paths = FRONT + JAW_MARCH[:, None, None] * (head.knots[:JAW] - FRONT)
    paths /= np.linalg.norm(paths, axis=-1, keepdims=True)
    along = np.gradient(mean_face()[:JAW, :2], axis=0)
    surface = (head.knots[:68], filling, paths.reshape(-1, 3), _sphere(SHELL))
    marks, flesh, tracks, shell = (torch.from_numpy(_skin(head, a)) for a in surface)
    still = torch.cat([marks, flesh])[None]
    back = torch.from_numpy(np.concatenate([BACK, BACK[-2::-1], np.zeros(still.shape[1] - JAW)]))
    field = Field.through(still, back[None, :, None], torch.full_like(still[..., 0], 1e-4))
    for points in (marks, flesh, tracks, shell):
        points[:, 2] += field.at(points[None].clone())[0, :, 0]
    parts = (
        marks,
        torch.from_numpy(_normals(head, head.knots[:68])),
        tracks.reshape(paths.shape),
        torch.from_numpy(np.stack([-along[:, 1], along[:, 0]], axis=1)),
        flesh,
        torch.from_numpy(normals),
        shell,
    )
    return Mould(*(part.to(device, dtype) for part in parts))


def _skin(head: Head, directions: FloatArray) -> FloatArray:
    """Points (n, 3) of the skin, `CENTRE` at 0, left and right made alike."""
    other = np.array([-1.0, 1.0, 1.0])
    both = (head.radius(directions) + head.radius(directions * other)) / 2
    return INSIDE - CENTRE + both[:, None] * directions


def _normals(head: Head, directions: FloatArray) -> FloatArray:
    """Outward unit normals (n, 3) of the skin in those ``directions`` (n, 3)."""
    helper = np.where(np.abs(directions[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    first = np.cross(directions, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(directions, first)

    def step(side: FloatArray) -> FloatArray:
        ends = [directions + sign * 0.05 * side for sign in (1, -1)]
        a, b = (_skin(head, e / np.linalg.norm(e, axis=1, keepdims=True)) for e in ends)
        return a - b

    normal = np.cross(step(first), step(second))
    normal *= np.sign((normal * directions).sum(axis=1, keepdims=True))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _sphere(count: int) -> FloatArray:
    """About ``count`` unit directions (n, 3), evenly spread, left and right alike."""
    height = 1 - (2 * np.arange(count) + 1) / count
    around = np.arange(count) * np.pi * (3 - np.sqrt(5))  # golden angle
    flat = np.sqrt(1 - height**2)
    points = np.stack([flat * np.cos(around), height, flat * np.sin(around)], axis=1)
    half = points[points[:, 0] > 0]
    return np.concatenate([half, half * [-1, 1, 1]])
