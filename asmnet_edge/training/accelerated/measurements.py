"""Measurements during a session: accuracy on held-out faces, a teacher's labels, and speed.

Accuracy decides which weights are kept; labels are what students learn besides annotations; the
speed of this machine in faces a second is there to plan a run by.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from asmnet_edge.training.accelerated.face_bank import FaceBank
from asmnet_edge.training.accelerated.fitting import BatchSource, Fit, Loss, Share, channels_last
from asmnet_edge.training.accelerated.losses import Scaling
from asmnet_edge.training.accelerated.networks import AsmNet, centres_of
from asmnet_edge.training.accelerated.plan import SpeedOptions
from asmnet_edge.training.accelerated.views import Placement, crop, place, straight

EYES = (36, 45)  # iBUG's outer eye corners
CHUNK = 128
# views over which a teacher's labels are averaged: rotation, growth, shift, mirrored
LABEL_VIEWS = (
    *((0.0, 1.0, 0.0, False), (0.0, 1.0, 0.0, True)),
    *((8.0, 0.95, 0.02, False), (8.0, 0.95, 0.02, True)),
    *((-8.0, 1.06, -0.02, False), (-8.0, 1.06, -0.02, True)),
)
Predict = Callable[[Tensor], tuple[Tensor, Tensor]]


def predictor(network: nn.Module, scaling: Scaling) -> Predict:
    """Return a function from crops (B, 3, s, s) to points (B, n, 2), relative, and pose (B, 3)."""

    @torch.no_grad()
    def predict(crops: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(crops.device.type, torch.bfloat16, enabled=crops.is_cuda):
            landmarks, pose, *_ = network(crops)
        if isinstance(network, AsmNet):
            return scaling.points(landmarks), scaling.pose(pose)
        return centres_of(landmarks), scaling.pose(pose)

    return predict


def check_banks(
    banks: Sequence[FaceBank], size: int, scaling: Scaling
) -> Callable[[nn.Module], Mapping[str, float]]:
    """Return a function from a network to its figures on each of ``banks``.

    Those are NME over the eye distance and over the box (%), and yaw error (degrees).
    """

    def check(network: nn.Module) -> Mapping[str, float]:
        predict = predictor(network, scaling)
        figures: dict[str, float] = {}
        for bank in banks:
            figures |= _figures(bank, predict, size)
        return figures

    return check


def _figures(bank: FaceBank, predict: Predict, size: int) -> dict[str, float]:
    errors, boxes, yaws = [], [], []
    for first in range(0, len(bank), CHUNK):
        part = slice(first, first + CHUNK)
        placement = straight(bank.points[part], size)
        points, pose = predict(_crops(bank, part, placement, size))
        truth = (bank.points[part] @ placement.matrix[:, :, :2].mT) + placement.matrix[
            :, None, :, 2
        ]
        truth = (truth + 0.5) / size
        error = (points - truth).norm(dim=2).mean(1)
        eyes = (truth[:, EYES[0]] - truth[:, EYES[1]]).norm(dim=1)
        extent = truth.amax(1) - truth.amin(1)
        errors.append(error / eyes)
        boxes.append(error / extent.prod(1).sqrt())
        yaws.append((pose[:, 0] - bank.pose[part, 0]).abs())
    name = bank.name
    figures = {
        f"{name} nme": 100 * float(torch.cat(errors).mean()),
        f"{name} box": 100 * float(torch.cat(boxes).mean()),
        f"{name} yaw": float(torch.cat(yaws).mean()),
    }
    far = bank.pose[:, 0].abs() > 60
    if bool(far.any()):
        figures[f"{name} box60"] = 100 * float(torch.cat(boxes)[far].mean())
        figures[f"{name} yaw60"] = float(torch.cat(yaws)[far].mean())
    return figures


def _crops(bank: FaceBank, part: slice, placement: Placement, size: int) -> Tensor:
    crops = crop(bank.pictures[part], placement, size).clamp(0, 255).round()
    return crops.contiguous(memory_format=torch.channels_last)


def label(bank: FaceBank, predict: Predict, size: int, flip: Tensor) -> Tensor:
    """Return points (F, n, 2) in picture pixels that ``predict`` finds, mean over `LABEL_VIEWS`."""
    rows = []
    for first in range(0, len(bank), CHUNK):
        part = slice(first, first + CHUNK)
        points = bank.points[part]
        found = [_found(bank, part, points, view, predict, size, flip) for view in LABEL_VIEWS]
        rows.append(torch.stack(found).mean(0))
    return torch.cat(rows)


def _found(
    bank: FaceBank,
    part: slice,
    points: Tensor,
    view: tuple[float, float, float, bool],
    predict: Predict,
    size: int,
    flip: Tensor,
) -> Tensor:
    rotation, growth, shift, mirrored = view
    one = torch.ones(len(points), device=points.device)
    shifts = (shift * one)[:, None].expand(-1, 2)
    placement = place(points, size, rotation * one, one * mirrored > 0, shifts, growth * one)
    found, _ = predict(_crops(bank, part, placement, size))
    found = found[:, flip] if mirrored else found
    matrix = placement.matrix
    back = torch.linalg.inv(matrix[:, :, :2])
    return (found * size - 0.5 - matrix[:, None, :, 2]) @ back.mT


def measure_speed(
    options: SpeedOptions,
    bank: FaceBank,
    loss: Loss,
    flip: Tensor,
    report: Callable[[str], None],
) -> None:
    """Report faces a second, of views alone and of training each of ``options.students``.

    bank : faces to train on; flip : (n,) order of mirrored points, on the device; report : takes
    lines
    """
    source = BatchSource([Share(bank, 1, 1)], flip, 0)
    for size, compiled in options.students:
        fit = Fit(size, options.batch, options.seconds, 1e-3, compiled=compiled)
        student = channels_last(AsmNet().to(flip.device))
        trained: Any = torch.compile(student) if compiled else student
        step = partial(_step, trained, source, fit, loss)
        first = _seconds(step, flip, 3)
        speed, views = _rate(step, flip, fit), _rate(partial(source.draw, 0.0, fit), flip, fit)
        report(f"speed: {size} px, compiled={compiled}: {speed:.0f} faces/s, views {views:.0f}, "
               f"first three steps {first:.1f} s")  # fmt: skip


def _step(trained: nn.Module, source: BatchSource, fit: Fit, loss: Loss) -> None:
    loss(trained, source.draw(0.0, fit)).backward()  # type: ignore[no-untyped-call]


def _rate(work: Callable[[], Any], tensor: Tensor, fit: Fit) -> float:
    once = max(_seconds(work, tensor, 1), 1e-4)
    steps = max(1, round(fit.seconds / once))
    return steps * fit.batch / _seconds(work, tensor, steps)


def _seconds(work: Callable[[], Any], tensor: Tensor, times: int) -> float:
    start = time.monotonic()
    for _ in range(times):
        work()
    if tensor.is_cuda:
        torch.cuda.synchronize()
    return time.monotonic() - start
