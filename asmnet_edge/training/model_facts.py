"""Facts that make a network's numbers meaningful: scaling of its pixels and of its targets.

Pixels are scaled alike in training, prediction and artifacts; targets are standardised for training
and restored to the contract's units. Both lie beside the weights, in a float model file, from which
`read_facts` reads them without Keras, or in an ``.npz``.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.landmarks import FloatArray


@dataclass(frozen=True)
class PixelScaling:
    """Scaling (p - ``offset``) * ``scale`` of RGB pixels.

    The default, (p - 128) / 128 in [-1, 1), is what an int8 input represents without loss. The
    pixel ``offset`` becomes 0, with which convolutions pad: so another network's scaling cannot be
    folded into its first convolution, but its channel order can.
    """

    offset: float = 128.0
    scale: float = 1 / 128

    def __post_init__(self) -> None:
        if not (math.isfinite(self.offset) and 0 < self.scale < math.inf):
            raise ModelError(f"pixels need a finite offset and a positive scale, got {self}")

    def apply(self, pictures: Any) -> Any:
        """Return the float32 network input of uint8 ``pictures`` of any shape."""
        return (pictures.astype(np.float32) - np.float32(self.offset)) * np.float32(self.scale)


@dataclass(frozen=True)
class TargetScaling:
    """Scaling between training units, of zero mean and unit spread, and the contract's units.

    mean_shape : (n, 2) relative crop coordinates; shape_scale : one spread for all coordinates, so
    that distances stay comparable; pose_mean, pose_scale : (3,) degrees
    """

    mean_shape: FloatArray
    shape_scale: float
    pose_mean: FloatArray
    pose_scale: FloatArray

    def __post_init__(self) -> None:
        n = len(self.mean_shape)
        shapes = [np.shape(a) for a in (self.mean_shape, self.pose_mean, self.pose_scale)]
        if shapes != [(n, 2), (3,), (3,)]:
            raise ModelError(f"a target scaling needs arrays (n, 2), (3,), (3,), got {shapes}")
        if not (self.shape_scale > 0 and np.all(np.asarray(self.pose_scale) > 0)):
            raise ModelError(f"scales must be positive, got {self.shape_scale}, {self.pose_scale}")

    @classmethod
    def fit(cls, points: FloatArray, pose: FloatArray) -> TargetScaling:
        """Fit to training targets: ``points`` (faces, n, 2), ``pose`` (faces, 3)."""
        mean = points.mean(axis=0)
        spread = pose.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)  # an angle that never changes stays as it is
        return cls(mean, float((points - mean).std()), pose.mean(axis=0), spread)

    def standardise(self, points: FloatArray, pose: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ``points`` and ``pose`` in training units, of the same shapes."""
        offsets = (points - self.mean_shape) / self.shape_scale
        return offsets, (pose - self.pose_mean) / self.pose_scale

    def restore(self, landmarks: FloatArray, pose: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return landmarks (N, n, 2), relative, and pose (N, 3), degrees, of network outputs.

        landmarks : (N, 2n), pose : (N, 3), both in training units
        """
        offsets = landmarks.reshape(len(landmarks), -1, 2)
        return offsets * self.shape_scale + self.mean_shape, pose * self.pose_scale + self.pose_mean

    def as_json(self) -> dict[str, Any]:
        """Return the scaling as plain values."""
        return {
            "mean_shape": np.asarray(self.mean_shape).tolist(),
            "shape_scale": self.shape_scale,
            "pose_mean": np.asarray(self.pose_mean).tolist(),
            "pose_scale": np.asarray(self.pose_scale).tolist(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> TargetScaling:
        """Return a scaling from what `as_json` gave; `ModelError` for arrays that do not fit."""
        return cls(
            np.array(content["mean_shape"]),
            float(content["shape_scale"]),
            np.array(content["pose_mean"]),
            np.array(content["pose_scale"]),
        )


SCALING = "scaling"  # key in an ``.npz`` of weights, with JSON bytes


def units_of(arrays: Mapping[str, NDArray[Any]]) -> TargetScaling:
    """Return the training units stored beside weights; `KeyError` when there are none."""
    return TargetScaling.from_json(json.loads(arrays[SCALING].tobytes()))


FACTS = "asmnet_edge.json"  # name within the ``.keras`` archive
SCHEMA = 1


def read_facts(path: Path) -> dict[str, Any]:
    """Return the facts of the float model at ``path``.

    `KeyError`, `ValueError` or an error of `zipfile` when it is no such file.
    """
    with zipfile.ZipFile(path) as archive:
        facts: dict[str, Any] = json.loads(archive.read(FACTS))
    if not isinstance(facts, dict):
        raise ValueError(f"its {FACTS} holds no object")
    if facts.get("schema") != SCHEMA:
        raise ValueError(f"its schema is {facts.get('schema')!r}, known is {SCHEMA}")
    return facts
