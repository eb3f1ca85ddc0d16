"""Training speed of this machine in faces a second, to plan a run by."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from asmnet_edge.training.accelerated.faces import FaceBank
from asmnet_edge.training.accelerated.fit import BatchSource, Fit, Loss, Share, channels_last
from asmnet_edge.training.accelerated.networks import AsmNet
from asmnet_edge.training.accelerated.plan import SpeedOptions


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
