"""Training batches from packs, made ahead of training by worker processes.

The batch of step k is a pure function of the seed and k, whatever process makes it.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import parent_process
from threading import Thread
from time import process_time

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.geometry.crop import to_relative, transform
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import mirrored, turned
from asmnet_edge.geometry.shape_model import normalise
from asmnet_edge.io.system import spawning
from asmnet_edge.training.augmentation import Augmentation, View, draw_view, render
from asmnet_edge.training.model_facts import TargetScaling

Batch = tuple[NDArray[np.uint8], dict[str, FloatArray]]


@dataclass(frozen=True)
class Source:
    """A pack and its weight in batches, at the start and at the end of training."""

    pack: Pack
    first_weight: float = 1.0
    last_weight: float = 1.0


@dataclass(frozen=True)
class BatchPlan:
    """Everything that a batch depends on besides its step."""

    sources: tuple[Source, ...]
    batch: int
    steps: int
    augmentation: Augmentation
    seed: int

    def targets(self, step: int, size: int) -> dict[str, FloatArray]:
        """Return the targets of a step without reading pictures, to fit the scaling."""
        drawn = [self._draw(step, i, size) for i in range(self.batch)]
        return _stack([_targets(pack, face, view, size) for pack, face, view, _ in drawn])

    def make(
        self, step: int, size: int, scaling: TargetScaling, part: range | None = None
    ) -> Batch:
        """Return the pictures (B, size, size, 3) uint8 RGB of ``step``, and its targets.

        ``part`` : indices of the batch's faces that this process trains on; None: all
        """
        pictures, targets = [], []
        for i in part or range(self.batch):
            pack, face, view, rng = self._draw(step, i, size)
            crop = render(pack.picture(face), view, size, self.augmentation, rng)
            pictures.append(crop[..., ::-1])
            targets.append(_targets(pack, face, view, size))
        stacked = _stack(targets)
        stacked["landmarks"], stacked["pose"] = scaling.standardise(
            stacked["landmarks"], stacked["pose"]
        )
        return np.stack(pictures), {k: v.astype("f4") for k, v in stacked.items()}

    def _draw(self, step: int, i: int, size: int) -> tuple[Pack, int, View, np.random.Generator]:
        rng = np.random.default_rng([self.seed, step, i])
        done = step / max(self.steps - 1, 1)
        weights = [(1 - done) * s.first_weight + done * s.last_weight for s in self.sources]
        chosen = rng.choice(len(weights), p=np.array(weights) / sum(weights))
        pack = self.sources[chosen].pack
        face = int(rng.integers(len(pack)))
        return pack, face, draw_view(pack.points[face], size, self.augmentation, rng), rng


def _targets(pack: Pack, face: int, view: View, size: int) -> dict[str, FloatArray]:
    """Targets of one view: landmarks (n, 2) relative, pose (3,), shape (n, 2), frame (2, 3)."""
    points, pose = pack.points[face], turned(pack.pose[face], view.rotation)
    landmarks = to_relative(transform(points, view.matrix), size)
    shape = normalise(points[None])[0]
    if view.mirrored:
        landmarks, pose = landmarks[pack.scheme.flip], mirrored(pose)
        shape = (shape * [-1, 1])[pack.scheme.flip]
    return {"landmarks": landmarks, "pose": pose, "shape": shape, "frame": _frame(shape, landmarks)}


def _frame(shape: FloatArray, landmarks: FloatArray) -> FloatArray:
    """The affine matrix (2, 3) with ``landmarks = frame(shape)``, which holds exactly."""
    system = np.column_stack([shape, np.ones(len(shape))])
    return np.linalg.lstsq(system, landmarks, rcond=None)[0].T


def _stack(rows: Sequence[dict[str, FloatArray]]) -> dict[str, FloatArray]:
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


_plan: BatchPlan


def _start_worker(plan: BatchPlan) -> None:
    global _plan  # a worker process serves one plan only
    _plan = plan
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the training process handles Ctrl-C
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the training process was killed."""
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _make(step: int, size: int, scaling: TargetScaling, part: range | None) -> Batch:
    return _plan.make(step, size, scaling, part)


class BatchWorkers:
    """Worker processes that make batches ahead of training.

    Spawned, not forked: a fork of a process in which TensorFlow's threads run may hang.
    """

    def __init__(self, plan: BatchPlan, workers: int, part: range | None = None) -> None:
        self._pool = ProcessPoolExecutor(workers, spawning(), _start_worker, (plan,))
        self._ahead = 2 * workers + 2
        self._part = part

    def stream(
        self, steps: range, size: int, scaling: TargetScaling
    ) -> Iterator[tuple[int, Batch]]:
        """Yield the batches of ``steps`` in order, each with its step."""
        waiting: deque[tuple[int, Future[Batch]]] = deque()
        for step in steps:
            waiting.append((step, self._pool.submit(_make, step, size, scaling, self._part)))
            if len(waiting) > self._ahead:
                first, batch = waiting.popleft()
                yield first, batch.result()
        for first, batch in waiting:
            yield first, batch.result()

    def close(self) -> None:
        """End the processes; batches that are not made yet are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def crops_per_second(
    plan: BatchPlan, size: int, scaling: TargetScaling, seconds: float = 3.0
) -> float:
    """Return crops of ``size`` pixels per second of processor time, after a warm-up batch.

    Processor time rather than wall time: the load by other programs does not count.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        plan.make(0, size, scaling)
        start, crops, step = process_time(), 0, 0
        while process_time() - start < seconds:
            step += 1
            crops += len(plan.make(step % plan.steps, size, scaling)[0])
        return crops / (process_time() - start)
    finally:
        cv2.setNumThreads(threads)
