"""Turned heads from real pictures: the face of a picture as it would look from another side.

The idea is that of 300W-LP (Zhu et al., "Face Alignment Across Large Poses", CVPR 2016): give the
picture depth by a fitted 3-D face, turn that, and draw it again. Unlike there, the head is the mean
head of `head_surface`, and the background an elastic sheet fixed to the head and to the picture's
border. Pose and landmarks of the new picture are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.pose import angles, rotation
from asmnet_edge.training.accelerated.forward_warp import warp
from asmnet_edge.training.accelerated.head_surface import (
    RING,
    Heads,
    View,
    farthest_out,
    fit_views,
    pick,
    shape_heads,
    turn_all,
)
from asmnet_edge.training.accelerated.mean_head import Field

NODES = 65  # of the coarse grid, along a side
CHUNK = {"cuda": 32, "cpu": 8}  # faces at a time: 0.1 GB each at 320 pixels
STILL, FIXED = 1.12, 1.75  # silhouettes away from the head: sheet moves along; sheet stays
BACKDROP = 3.0  # depth of what does not move, in inter-ocular distances


@dataclass(frozen=True)
class TurnedHeads:
    """Faces rendered from another side.

    pictures : (B, 3, S, S) uint8; points : (B, 68, 2) float32, pixels, pixel centres at integers
    pose : (B, 3) float32, yaw, pitch, roll in degrees
    """

    pictures: Tensor
    points: Tensor
    pose: Tensor


@torch.no_grad()
def turn_heads(pictures: Tensor, points: Tensor, pose: Tensor) -> TurnedHeads:
    """Render the faces of ``pictures`` (B, 3, S, S) uint8 in ``pose`` (B, 3), degrees.

    points : (B, 68, 2) iBUG landmarks in pixels, pixel centres at integers
    """
    _check(pictures, points, pose)
    chunk = CHUNK.get(pictures.device.type, 8)
    chunks = (torch.split(values, chunk) for values in (pictures, points, pose))
    parts = [_turn(*chunk) for chunk in zip(*chunks, strict=True)]
    return TurnedHeads(*(torch.cat(part) for part in zip(*parts, strict=True)))


def draw_poses(
    points: Tensor, generator: torch.Generator, max_yaw: float = 80.0, max_pitch: float = 40.0
) -> Tensor:
    """Draw random poses (B, 3) for the faces of ``points`` (B, 68, 2).

    Yaw keeps the source's side, so that what is to be seen was seen, and is large more often than
    in nature; pitch is within an ellipse with yaw and not too far from the source's; roll stays.
    """
    current = _fitted_pose(points)
    draws = torch.rand(4, len(points), generator=generator, device=generator.device).to(current)
    small = current[:, 0].abs() < 8
    either = torch.where(draws[0] < 0.5, -1.0, 1.0).to(current)
    side = torch.where(small, either, current[:, 0].sign())
    large = 20 + (max_yaw - 20) * draws[1]
    size = torch.where(draws[2] < 0.8, large, 20 * draws[1])
    size = torch.maximum(size, current[:, 0].abs() - 15).clamp(max=max_yaw)
    limit = max_pitch * (1 - (size / (1.2 * max_yaw)) ** 2).sqrt()
    near = current[:, 1]
    pitch = torch.minimum(torch.maximum((2 * draws[3] - 1) * limit, near - 40), near + 40)
    return torch.stack([side * size, pitch.clamp(-max_pitch, max_pitch), current[:, 2]], dim=1)


def _fitted_pose(points: Tensor) -> Tensor:
    return torch.from_numpy(angles(fit_views(points).turn.cpu().double().numpy())).to(points)


def _turn(pictures: Tensor, points: Tensor, pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # geometry in float64: mixed precision and TF32 leave that alone
    view = fit_views(points.double())
    heads = shape_heads(points.double(), view)
    wanted = torch.from_numpy(rotation(pose.cpu().double().numpy())).to(view.turn)
    change = view.turn @ wanted.mT  # camera to camera, for rows
    places, depth = _sheet(heads, view, change, pictures.shape[-1])
    warped = warp(pictures.float(), places.float(), depth.float())
    return (
        warped.round().clamp(0, 255).to(torch.uint8),
        view.to_pixels(_landmarks(heads, change, wanted)).float(),
        pose.to(points.device, torch.float32),
    )


def _landmarks(heads: Heads, change: Tensor, wanted: Tensor) -> Tensor:
    """The turned landmarks (B, 68, 3), camera; the jaw on the outline that is visible now."""
    paths = turn_all(heads.paths, change)
    jaw = pick(paths, farthest_out(paths, wanted))
    return torch.cat([jaw, (heads.landmarks @ change)[:, jaw.shape[1] :]], dim=1)


def _sheet(heads: Heads, view: View, change: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Pixels (B, n, n, 2) where the nodes of a grid over the picture go, and depths (B, n, n)."""
    steps = torch.linspace(0, size - 1, NODES, device=change.device, dtype=change.dtype)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pixels = torch.stack([x, y], dim=-1).reshape(1, -1, 2).expand(len(change), -1, -1)
    flat = view.to_camera(pixels)
    surface = Field.through(heads.nodes[..., :2], heads.nodes[..., 2:], heads.softness)
    solid = torch.cat([flat, surface.at(flat).clamp(max=2.0)], dim=-1)
    turned = solid @ change
    share = _share(flat, heads.outline)[..., None]
    places = flat + share * (turned[..., :2] - flat)
    depth = share * turned[..., 2:] + (1 - share) * BACKDROP
    grid = (len(change), NODES, NODES)
    return view.to_pixels(places).reshape(*grid, 2), depth.reshape(grid)


def _share(flat: Tensor, outline: Tensor) -> Tensor:
    """Share (B, m) by which the sheet moves with the head: 1 in it, 0 far from it."""
    angle = torch.atan2(flat[..., 1], flat[..., 0]) % (2 * np.pi) * (RING / (2 * np.pi))
    low = angle.floor().long() % RING
    part = angle - angle.floor()
    reach = outline.gather(1, low) * (1 - part) + outline.gather(1, (low + 1) % RING) * part
    way = ((flat.norm(dim=-1) / reach - STILL) / (FIXED - STILL)).clamp(0, 1)
    return 1 - way * way * (3 - 2 * way)


def _check(pictures: Tensor, points: Tensor, pose: Tensor) -> None:
    count, size = len(pictures), pictures.shape[-1]
    for name, values, shape in (
        ("pictures", pictures, (count, 3, size, size)),
        ("points", points, (count, 68, 2)),
        ("pose", pose, (count, 3)),
    ):
        if tuple(values.shape) != shape or not count:
            raise DataError(
                f"{name} must be {shape} with at least one face, got {tuple(values.shape)}"
            )
    if pictures.dtype != torch.uint8:
        raise DataError(f"pictures must be uint8, got {pictures.dtype}")
