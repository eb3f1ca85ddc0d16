"""Losses of student and teacher, and the scaling of their outputs on the device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

from asmnet_edge.training.accelerated.fitting import Batch, Loss
from asmnet_edge.training.accelerated.networks import centres_of
from asmnet_edge.training.model_facts import TargetScaling

HEAT_SPREAD = 1.2  # cells of the heat map: standard deviation of the wanted spot
HEAT_WEIGHT = 0.05
WING_INNER, WING_OUTER, WING_CURVATURE = 0.02, 0.4, 0.1  # training units


@dataclass(frozen=True)
class Scaling:
    """`TargetScaling` on the device. mean_shape : (n, 2), pose_mean and pose_scale : (3,)"""

    mean_shape: Tensor
    shape_scale: float
    pose_mean: Tensor
    pose_scale: Tensor

    @classmethod
    def of(cls, scaling: TargetScaling, device: torch.device) -> Scaling:
        arrays = (scaling.mean_shape, scaling.pose_mean, scaling.pose_scale)
        mean, pose, spread = (torch.tensor(a, dtype=torch.float32, device=device) for a in arrays)
        return cls(mean, scaling.shape_scale, pose, spread)

    def points(self, landmarks: Tensor) -> Tensor:
        """Landmarks (B, 2n) in training units -> (B, n, 2) relative."""
        return landmarks.view(len(landmarks), -1, 2) * self.shape_scale + self.mean_shape

    def pose(self, pose: Tensor) -> Tensor:
        return pose * self.pose_scale + self.pose_mean


def euclidean(distance: Tensor, log_scale: Tensor) -> Tensor:
    """Mean distance, as in the normalised mean error.

    distance : (B, n) in training units; log_scale : (B, n), the network's estimate of its error
    """
    return distance.mean()


def soft_wing(distance: Tensor, log_scale: Tensor) -> Tensor:
    """Straight up to `WING_INNER`, then a logarithm, so that large errors do not dominate.

    Lin et al., "Structure-Coherent Deep Feature Learning for Robust Face Alignment", IEEE TIP 2021.
    """
    bend = WING_OUTER * torch.log(1 + distance / WING_CURVATURE)
    gap = WING_INNER - WING_OUTER * math.log(1 + WING_INNER / WING_CURVATURE)
    return torch.where(distance < WING_INNER, distance, bend + gap).mean()


def likelihood(distance: Tensor, log_scale: Tensor) -> Tensor:
    """-log of exp(-d / s) / s^2, with the scale s that the network gives to each point.

    The cheap form, without the flow, of Li et al., "Human Pose Regression with Residual
    Log-likelihood Estimation", ICCV 2021: points that are hard to locate weigh less.
    """
    bounded = log_scale.clamp(-4, 2)
    return (distance * torch.exp(-bounded) + 2 * bounded).mean()


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"euclidean": euclidean, "soft-wing": soft_wing, "likelihood": likelihood}
)


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Distances (B, n) of points (B, n, 2); with a slope at 0."""
    return torch.sqrt(((one - other) ** 2).sum(2) + 1e-8)


def _pose_loss(pose: Tensor, batch: Batch, scaling: Scaling) -> Tensor:
    """Huber loss in training units; roll by the shorter way round."""
    off = pose - batch.pose
    off = torch.remainder(off + 180, 360) - 180
    huber = nn.functional.huber_loss(
        off / scaling.pose_scale, torch.zeros_like(off), reduction="none"
    )
    return (huber.mean(1) * batch.pose_weight).mean()


def student_loss(
    scaling: Scaling,
    distance: str = "euclidean",
    pose_weight: float = 0.1,
    taught: float = 0.5,
    half: bool = False,
) -> Loss:
    """Return the loss of an `AsmNet`.

    taught : how much the teacher's points count beside the annotated ones, 0 to 1
    half : compute in bfloat16 on a CPU too, which pays on those that have instructions for it
    """
    measure = DISTANCES[distance]

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        with _half(batch, half):
            landmarks, pose, log_scale = network(batch.crops)
        found = scaling.points(landmarks) / scaling.shape_scale
        distances = _distances(found, batch.points / scaling.shape_scale)
        value = (1 - taught) * measure(distances, log_scale)
        distances = _distances(found, batch.taught / scaling.shape_scale)
        value = value + taught * measure(distances, log_scale)
        return value + pose_weight * _pose_loss(scaling.pose(pose), batch, scaling)

    return loss


def teacher_loss(scaling: Scaling, pose_weight: float = 0.1) -> Loss:
    """Return the loss of a `Teacher`: distance of heat map centres, cross-entropy to Gaussians."""

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        with _half(batch):
            heat, pose = network(batch.crops)
        value = _distances(centres_of(heat), batch.points).mean() / scaling.shape_scale
        value = value + HEAT_WEIGHT * _cross_entropy(heat, batch.points)
        return value + pose_weight * _pose_loss(scaling.pose(pose), batch, scaling)

    return loss


def _half(batch: Batch, always: bool = False) -> torch.autocast:
    device = batch.crops.device.type
    return torch.autocast(device, torch.bfloat16, enabled=always or device == "cuda")


def _cross_entropy(log_heat: Tensor, points: Tensor) -> Tensor:
    height, width = log_heat.shape[-2:]
    x = _spot(points[..., 0] * width, width)
    y = _spot(points[..., 1] * height, height)
    return -torch.einsum("bnh,bnhw,bnw->bn", y, log_heat, x).mean()


def _spot(centre: Tensor, cells: int) -> Tensor:
    """A Gaussian (B, n, cells) around ``centre`` (B, n), its sum 1."""
    steps = torch.arange(cells, device=centre.device) + 0.5
    spot = torch.exp(-0.5 * ((steps - centre[..., None]) / HEAT_SPREAD) ** 2)
    return spot / spot.sum(-1, keepdim=True).clamp_min(1e-6)
