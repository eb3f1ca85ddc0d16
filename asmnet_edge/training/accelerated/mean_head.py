"""The mean head as tensors: its landmarks, the skin around them, and smooth fields through points.

The surface is that of drawn faces with the mean face's build. Units are inter-ocular distances,
axes those of `asmnet_edge.geometry.pose`; the origin is `CENTRE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import mean_face
from asmnet_edge.rendering.head import FRONT, INSIDE, JAW_MARCH, Head, head_of
from asmnet_edge.rendering.traits import KNOBS, Build

CENTRE = np.array([0.0, 0.15, 0.4])  # what stays in place as a head turns, in the mean face's axes
JAW = 17  # number of points of the jaw, the first ones
# how much deeper than in the mean face the jaw lies, from the ear to the chin: its points there are
# the outline of frontal faces; those of training faces turned by 40 to 52 degrees lie behind it
BACK = np.array([-0.11, 0.04, 0.20, 0.29, 0.27, 0.20, 0.13, 0.06, 0.0])
SHELL = 1500  # points that show where the silhouette is
BLUNT = 0.08  # rounds the tip of the radial basis


@dataclass(frozen=True)
class MeanHead:
    """The mean head, in the head's axes, left and right alike; n points of skin, m of the shell.

    landmarks, normals : (68, 3) places and outward unit normals; paths : (26, 17, 3) where each jaw
    point may wander; jaw_normals : (17, 2) filling, filling_normals : (n, 3) points between and
    around the landmarks; shell : (m, 3)
    """

    landmarks: Tensor
    normals: Tensor
    paths: Tensor
    jaw_normals: Tensor
    filling: Tensor
    filling_normals: Tensor
    shell: Tensor


@dataclass(frozen=True)
class Field:
    """Smooth values by radial basis: f(p) = sum_i w_i sqrt(|p - p_i|^2 + BLUNT^2) + c.

    nodes : (B, n, d) p_i; weights : (B, n + 1, k) w, c
    """

    nodes: Tensor
    weights: Tensor

    @staticmethod
    def through(nodes: Tensor, values: Tensor, softness: Tensor) -> Field:
        """Return the field that has ``values`` (B, n, k) at ``nodes``, or nearly so.

        softness : (B, n) by which it may miss each; 0 is exact
        """
        count = nodes.shape[1]
        system = nodes.new_zeros(len(nodes), count + 1, count + 1)
        # -sqrt is conditionally positive definite: softness adds to the diagonal of -basis
        system[:, :count, :count] = _basis(nodes, nodes) - torch.diag_embed(softness)
        system[:, count, :count] = system[:, :count, count] = 1
        wanted = torch.nn.functional.pad(values, (0, 0, 0, 1))
        return Field(nodes, _solve(system, wanted))

    def at(self, places: Tensor) -> Tensor:
        """Return the values (B, m, k) at ``places`` (B, m, d)."""
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


@cache
def mean_head(device: torch.device, dtype: torch.dtype) -> MeanHead:
    """Return the mean head as tensors of that type on that device; made once for each."""
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
    return MeanHead(*(part.to(device, dtype) for part in parts))


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
