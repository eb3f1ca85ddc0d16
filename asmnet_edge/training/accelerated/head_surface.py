"""The head in a picture as a surface: a depth for every place, from 68 landmarks.

The mean head of `asmnet_edge.training.accelerated.mean_head` is brought to the fitted pose. What
landmarks deviate from it is spread over it by radial interpolation, so that the landmarks' places
are exact and all else follows. Units are inter-ocular distances; the origin is `CENTRE` of the
head, x to the right, y down, z away from the camera, in the head's axes ("head") or the camera's
("camera").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asmnet_edge.geometry.pose import fit_weak_perspective, mean_face, rigid_points
from asmnet_edge.training.accelerated.mean_head import CENTRE, JAW, Field, mean_head

RING = 48  # directions in the picture for which the silhouette is known
HIDDEN = 1e4  # times as soft where the head turns away from the camera
# what surrounds the silhouette: times as far out, deeper by, and before that at least so deep
SKIRT = ((1.14, 0.1, 0.0), (1.35, 0.4, 0.1), (1.8, 0.8, 0.3))


@dataclass(frozen=True)
class View:
    """Weak perspective of each face: turn (B, 3, 3); in pixels: scale (B,), centre (B, 2)."""

    turn: Tensor
    scale: Tensor
    centre: Tensor

    def to_camera(self, pixels: Tensor) -> Tensor:
        """Return camera x, y (B, ..., 2) of ``pixels`` (B, ..., 2)."""
        return (pixels - _like(self.centre, pixels)) / _like(self.scale[:, None], pixels)

    def to_pixels(self, places: Tensor) -> Tensor:
        """Return the pixels (B, ..., 2) of camera ``places`` (B, ..., 2 or 3)."""
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
    """Return the view of each face of ``points`` (B, 68, 2), by the mean face's still points."""
    chosen, face = rigid_points(), mean_face()
    observed = points.detach().cpu().numpy().astype(np.float64)[:, chosen]
    turn, scale, _ = fit_weak_perspective(observed, face[chosen])
    arm = (CENTRE - face[chosen].mean(axis=0)) @ turn[:, :2].swapaxes(1, 2)
    centre = observed.mean(axis=1) + scale[:, None] * arm
    return View(*(torch.from_numpy(a).to(points) for a in (turn, scale, centre)))


def shape_heads(points: Tensor, view: View) -> Heads:
    """Return the heads whose landmarks in the picture are ``points`` (B, 68, 2), by ``view``."""
    mean = mean_head(points.device, points.dtype)
    count, back = len(points), view.turn.mT
    rest = mean.landmarks.expand(count, -1, -1).clone()
    paths = mean.paths.expand(count, -1, -1, -1)
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
    solid = torch.cat([landmarks, bend(mean.filling)], dim=1)
    shell = torch.cat([bend(mean.shell), _between(landmarks[:, :JAW])], dim=1)
    outline, skirt = _skirt(shell)
    normals = torch.cat([mean.normals, mean.filling_normals]).expand(count, -1, -1) @ back
    doubt = ((normals[..., 2] + 0.1) / 0.3).clamp(0, 1)
    doubt = torch.where(_covered(solid, shell), 1.0, doubt)
    doubt[:, :JAW] = 0
    softness = torch.cat([2e-3 * HIDDEN**doubt, torch.full_like(skirt[..., 0], 1e-2)], dim=1)
    nodes = torch.cat([solid, skirt], dim=1)
    return Heads(landmarks, bend(mean.paths), nodes, softness, outline)


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
    """Return which place (B, 17) of each of ``paths`` (B, 26, 17, 3), camera, the jaw has.

    On the side turned away annotators follow the visible outline: the place is the farthest out in
    the picture. On the side turned to the camera that is the path's start, on the jaw.
    """
    outwards = mean_head(paths.device, paths.dtype).jaw_normals @ turn[:, :2, :2].mT
    return (paths[..., :2] * outwards[:, None]).sum(dim=-1).argmax(dim=1)


def pick(paths: Tensor, which: Tensor) -> Tensor:
    """Return place number ``which`` (B, 17) of each of ``paths`` (B, 26, 17, k): (B, 17, k)."""
    index = which[:, None, :, None].expand(-1, 1, -1, paths.shape[-1])
    return paths.gather(1, index)[:, 0]


def turn_all(points: Tensor, matrices: Tensor) -> Tensor:
    """Return ``points`` (B, ..., 3) times ``matrices`` (B, 3, 3) of each face."""
    return (points.flatten(1, -2) @ matrices).reshape(points.shape)


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
