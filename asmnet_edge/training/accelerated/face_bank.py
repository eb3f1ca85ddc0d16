"""Faces in the device's memory: decoded once, as uint8, with all labels that training needs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from asmnet_edge.datasets.pack import PACK_RULE, Pack
from asmnet_edge.datasets.pack_file import read_pack
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.geometry.crop import cut, transform
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.images import Picture
from asmnet_edge.io.system import spawning
from asmnet_edge.training.accelerated.turned_heads import draw_poses, turn_heads

CHUNK = 64  # faces turned at a time
FITTED_WEIGHT = 0.5  # of a pose that is fitted to the landmarks, beside 1 of an exact one


@dataclass(frozen=True)
class FaceBank:
    """Faces of one kind on one device.

    pictures : (F, 3, S, S) uint8 RGB; points : (F, n, 2) float32 in their pixels
    pose : (F, 3) degrees; pose_weight : (F,) weight of its loss, lower where it was fitted
    taught : (F, n, 2) points by a teacher; the annotated ones without a teacher
    licence : of the pictures, and so of weights learnt from them
    """

    name: str
    pictures: Tensor
    points: Tensor
    pose: Tensor
    pose_weight: Tensor
    taught: Tensor
    licence: str = ""

    def __len__(self) -> int:
        return len(self.pictures)

    @classmethod
    def of(
        cls,
        name: str,
        pictures: Sequence[Picture],
        points: FloatArray,
        pose: FloatArray,
        exact: Sequence[bool],
        device: torch.device,
    ) -> FaceBank:
        """Return a bank of ``pictures`` (S, S, 3) BGR, all of one size.

        points : (F, n, 2) pixels; pose : (F, 3) degrees; exact : (F,) whether pose is
        """
        stacked = torch.from_numpy(np.stack(pictures)).to(device).flip(3).permute(0, 3, 1, 2)
        places = torch.tensor(points, dtype=torch.float32, device=device)
        weight = torch.tensor(exact, device=device).float() * (1 - FITTED_WEIGHT) + FITTED_WEIGHT
        turns = torch.tensor(pose, dtype=torch.float32, device=device)
        return cls(name, stacked.contiguous(), places, turns, weight, places)

    @classmethod
    def read(cls, path: Path, name: str, size: int, device: torch.device) -> FaceBank:
        """Return the faces of the pack at ``path``, each resized to ``size`` pixels a side."""
        pack, facts = read_pack(path)
        with ThreadPoolExecutor() as pool:
            resized = list(pool.map(partial(_resized, pack, size), range(len(pack))))
        pictures, points = zip(*resized, strict=True)
        bank = cls.of(name, pictures, np.stack(points), pack.pose, pack.exact.tolist(), device)
        return replace(bank, licence=f"{facts.dataset}: {facts.licence}")

    def taught_by(self, points: Tensor, instead: bool = False) -> FaceBank:
        """Return the faces with ``points`` (F, n, 2) by a teacher.

        ``instead`` : they replace the annotated ones, too
        """
        return replace(self, taught=points, points=points if instead else self.points)

    def turned(self, views: int, seed: int) -> FaceBank:
        """Return the faces with heads turned at random, ``views`` pictures of each.

        Landmarks and pose are exact.
        """
        generator = torch.Generator(self.points.device).manual_seed(seed)
        parts = []
        for _ in range(views):
            for first in range(0, len(self), CHUNK):
                part = slice(first, first + CHUNK)
                poses = draw_poses(self.points[part], generator)
                parts.append(turn_heads(self.pictures[part], self.points[part], poses))
        pictures, points, pose = (
            torch.cat([getattr(part, field) for part in parts])
            for field in ("pictures", "points", "pose")
        )
        weight = torch.ones(len(pose), device=pose.device)
        return FaceBank(self.name, pictures, points, pose, weight, points, self.licence)


def joined(name: str, banks: Sequence[FaceBank]) -> FaceBank:
    """Return all faces of ``banks`` as one bank."""
    pictures, points, pose, weight, taught = (
        torch.cat([getattr(bank, field) for bank in banks])
        for field in ("pictures", "points", "pose", "pose_weight", "taught")
    )
    licence = "; ".join(dict.fromkeys(filter(None, (bank.licence for bank in banks))))
    return FaceBank(name, pictures, points, pose, weight, taught, licence)


def _resized(pack: Pack, size: int, index: int) -> tuple[Picture, FloatArray]:
    picture, points = pack.picture(index), pack.points[index]
    factor = size / len(picture)
    if factor == 1:
        return picture, points
    resized = cv2.resize(picture, (size, size), interpolation=cv2.INTER_LINEAR)
    return resized, (points + 0.5) * factor - 0.5  # type: ignore[return-value]


class DrawnBank:
    """Wide drawn faces that worker processes draw in the background."""

    def __init__(self, count: int, size: int, subset: str = "train", workers: int = 1) -> None:
        self._size = size
        self._pool = ProcessPoolExecutor(workers, spawning())
        draw = partial(_drawn, count, subset, size)
        parts = np.array_split(np.arange(count), max(1, count // 32))
        with _one_thread_each():
            self._waiting = [self._pool.submit(draw, part) for part in parts]

    def collect(self, name: str, device: torch.device) -> FaceBank:
        """Wait for all faces and return them."""
        rows = [row for future in self._waiting for row in future.result()]
        self._pool.shutdown()
        pictures, points, pose = zip(*rows, strict=True)
        return FaceBank.of(
            name, pictures, np.stack(points), np.stack(pose), [True] * len(rows), device
        )


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Limit processes that start within the block to one thread each.

    Otherwise NumPy starts a thread per core in each of them: on 16 cores, 16 workers took over two
    minutes instead of seconds.
    """
    names = [f"{library}_NUM_THREADS" for library in ("OPENBLAS", "OMP", "MKL")]
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _drawn(
    count: int, subset: str, size: int, numbers: Sequence[int]
) -> list[tuple[Picture, FloatArray, FloatArray]]:
    """Crops (size, size, 3), points in them and pose of the drawn faces ``numbers``."""
    cv2.setNumThreads(1)
    samples = DrawnFaces(count, wide=True).samples(subset)
    rule, rows = replace(PACK_RULE, size=size), []
    for number in numbers:
        sample = samples[number]
        matrix = rule.matrix(sample.landmarks.box)
        picture = cut(sample.load(), matrix, size)
        assert sample.pose is not None
        rows.append((picture, transform(sample.landmarks.points, matrix), sample.pose))
    return rows
