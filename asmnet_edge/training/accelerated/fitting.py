"""Fitting of a network for a number of seconds rather than epochs, for GPUs rented by time."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from asmnet_edge.training.accelerated.face_bank import FaceBank
from asmnet_edge.training.accelerated.views import (
    ViewSettings,
    crop,
    draw_placement,
    move_points,
    move_pose,
    spoil,
)


@dataclass(frozen=True)
class Batch:
    """Views of one batch of faces.

    crops : (B, 3, s, s) RGB, 0 to 255; points, taught : (B, n, 2) relative; pose : (B, 3) degrees
    pose_weight : (B,)
    """

    crops: Tensor
    points: Tensor
    taught: Tensor
    pose: Tensor
    pose_weight: Tensor


@dataclass(frozen=True)
class Share:
    """Weight with which faces of a bank are drawn, at the start and at the end of a run."""

    bank: FaceBank
    first: float
    last: float


@dataclass(frozen=True)
class Fit:
    """Settings of one run.

    size : of the crops, pixels; batch : faces a step; seconds : duration, validation included
    rate : highest learning rate; decay : decoupled weight decay; warmup : share of the time
    averaging : decay of the running average of the weights; compiled : by torch.compile
    views, last_views : augmentation at first, and in the last `SETTLED` of the time
    """

    size: int
    batch: int
    seconds: float
    rate: float
    decay: float = 0.02
    warmup: float = 0.03
    averaging: float = 0.999
    seed: int = 0
    views: ViewSettings = field(default_factory=ViewSettings)
    last_views: ViewSettings = field(default_factory=ViewSettings)
    compiled: bool = False


SETTLED = 0.35  # of the time: the last part, with the views of the end
CHECKS = 10  # validations during a run
WAIT = 16  # steps between waits for the device
Network = TypeVar("Network", bound=nn.Module)
Loss = Callable[[nn.Module, Batch], Tensor]
Check = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True)
class Progress:
    """State of a run. rate : of learning; figures : of the held-out faces, by name"""

    step: int
    seconds: float
    rate: float
    loss: float
    figures: Mapping[str, float]


Report = Callable[[Progress], None]


class BatchSource:
    """Batches of views of several banks; the faces stay on the device."""

    def __init__(self, shares: Sequence[Share], flip: Tensor, seed: int) -> None:
        self._shares, self._flip = shares, flip
        self._device = flip.device
        self._generator = torch.Generator(self._device).manual_seed(seed)
        torch.manual_seed(seed)

    def draw(self, progress: float, fit: Fit) -> Batch:
        """Return a random batch; ``progress`` : share of the run that is done, 0 to 1."""
        weights = [(1 - progress) * s.first + progress * s.last for s in self._shares]
        counts = _counts(weights, fit.batch)
        parts = [
            self._part(share.bank, count)
            for share, count in zip(self._shares, counts, strict=True)
            if count
        ]
        order = torch.randperm(fit.batch, generator=self._generator, device=self._device)
        pictures, points, taught, pose, weight = (
            torch.cat(p)[order] for p in zip(*parts, strict=True)
        )
        views = fit.views if progress < 1 - SETTLED else fit.last_views
        placement = draw_placement(points, fit.size, views, self._generator)
        factor = 2 if fit.size <= 160 and float(torch.rand(1)) < views.sharp else 1
        crops = spoil(crop(pictures, placement, fit.size, factor), views, self._generator)
        return Batch(
            crops.contiguous(memory_format=torch.channels_last),
            move_points(points, placement, fit.size, self._flip),
            move_points(taught, placement, fit.size, self._flip),
            move_pose(pose, placement),
            weight,
        )

    def _part(self, bank: FaceBank, count: int) -> tuple[Tensor, ...]:
        chosen = torch.randint(len(bank), (count,), generator=self._generator, device=self._device)
        tensors = (bank.pictures, bank.points, bank.taught, bank.pose, bank.pose_weight)
        return tuple(tensor[chosen] for tensor in tensors)


def _counts(weights: Sequence[float], batch: int) -> list[int]:
    """Number of faces of each bank: ``batch`` together, in the ratio of ``weights``, rounded."""
    ends = [round(batch * sum(weights[: i + 1]) / sum(weights)) for i in range(len(weights))]
    return [end - before for before, end in zip([0, *ends], ends, strict=False)]


def channels_last(network: Network) -> Network:
    """Return ``network`` with its kernels in the memory order of the crops, changed in place."""
    for kernel in network.parameters():
        if kernel.ndim == 4:
            kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
    return network


def fit_network(
    network: Network, source: BatchSource, loss: Loss, fit: Fit, check: Check, report: Report
) -> Network:
    """Train ``network`` for ``fit.seconds``; return the running average of its weights.

    ``check`` measures the average ten times during the run and at the end.
    """
    channels_last(network)
    average = copy.deepcopy(network).eval().requires_grad_(False)
    optimiser = _optimiser(network, fit)
    trained: Any = torch.compile(network) if fit.compiled else network
    network.train()
    start, step, checks, mean, rate = time.monotonic(), 0, 0, 0.0, 0.0
    while (progress := (time.monotonic() - start) / fit.seconds) < 1:
        rate = fit.rate * _rate(progress, fit.warmup)
        for group in optimiser.param_groups:
            group["lr"] = rate
        value = loss(trained, source.draw(progress, fit))
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        _follow(average, network, min(fit.averaging, (1 + step) / (10 + step)))
        if step % WAIT == 1:  # value.item() waits for the device
            mean += (1.0 if step == 1 else 0.2) * (value.item() - mean)
        if progress * CHECKS >= checks + 1:
            checks += 1
            report(Progress(step, time.monotonic() - start, rate, mean, check(average)))
    report(Progress(step, time.monotonic() - start, rate, mean, check(average)))
    return average


def _optimiser(network: nn.Module, fit: Fit) -> torch.optim.Optimizer:
    """AdamW with weight decay on kernels only, not on norms and biases."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": fit.decay},
        {"params": others, "weight_decay": 0.0},
    ]
    fused = kernels[0].device.type == "cuda"
    return torch.optim.AdamW(groups, lr=fit.rate, fused=fused)


def _rate(progress: float, warmup: float) -> float:
    """Factor on the learning rate: a linear rise, then half a cosine down to 0."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
    moving = [(a, n) for a, n in pairs if a.is_floating_point()]
    averages, currents = map(list, zip(*moving, strict=True))
    torch._foreach_lerp_(averages, currents, 1 - decay)
