"""Weights in files: a student's in one ``.npz``, in Keras' layout and with its training units.

A teacher's are written in parts, so that each stays small enough to be carried.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from asmnet_edge.arrays import write_arrays
from asmnet_edge.errors import ModelError
from asmnet_edge.training.accelerated.networks import AsmNet, from_keras_layout, to_keras_layout
from asmnet_edge.training.targets import TargetScaling
from asmnet_edge.training.units import SCALING, units_of

PART_BYTES = 12_000_000  # of a teacher's file, at most, but for its largest tensor


def write_student(path: Path, student: AsmNet, scaling: TargetScaling) -> None:
    """Write ``student`` and its training units to ``path`` (.npz), atomically."""
    units = np.frombuffer(json.dumps(scaling.as_json()).encode(), np.uint8)
    write_arrays(path, {**to_keras_layout(student), SCALING: units})


def read_student(path: Path, student: AsmNet) -> TargetScaling:
    """Fill ``student`` from ``path``; `ModelError` when the weights are of another network."""
    try:
        with np.load(path) as arrays:
            from_keras_layout(student, arrays)
            return units_of(arrays)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path} does not hold weights for this network: {error}",
            "Make it with: python -m asmnet_edge.training.accelerated.export pull",
        ) from error


def write_teacher(folder: Path, teacher: nn.Module) -> list[Path]:
    """Write ``teacher-0.pt``, ``teacher-1.pt``, ... in half precision."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in teacher.state_dict().items()}
    paths: list[Path] = []
    part: dict[str, Any] = {}
    for number, (name, tensor) in enumerate(state.items(), start=1):
        part[name] = tensor
        size = sum(t.numel() * t.element_size() for t in part.values())
        if size > PART_BYTES or number == len(state):
            paths.append(folder / f"teacher-{len(paths)}.pt")
            torch.save(part, paths[-1])
            part = {}
    return paths


def read_teacher(folder: Path, teacher: nn.Module) -> None:
    """Fill ``teacher`` from the parts in ``folder``; `ModelError` when they are not all there."""
    state: dict[str, Any] = {}
    for path in sorted(folder.glob("teacher-*.pt")):
        state |= torch.load(path, weights_only=True, map_location="cpu")
    try:
        teacher.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"{folder} does not hold all parts of this teacher: {str(error).splitlines()[0]}",
            "Bring every teacher-N.pt of one run, and give the width that it was trained with",
        ) from error


def write_labels(path: Path, labels: dict[str, NDArray[Any]]) -> None:
    """Write the points that a teacher finds in each bank, arrays (F, n, 2), to ``path`` (.npz)."""
    write_arrays(path, labels)
