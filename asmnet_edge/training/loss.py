"""The ASM-assisted loss of ASMNet, as one vectorised expression on any Keras backend.

L_face = L(G, P) + a L(ASM(G), P): early in training the nearest plausible face weighs more,
later the annotated one. Fard, Abdollahi, Mahoor, CVPRW 2021, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from keras import ops

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.shape_model import CLIP, PointDistributionModel
from asmnet_edge.training.model_facts import TargetScaling

Tensor = Any
WING_WIDTH, WING_CURVATURE = 1.0, 0.2  # training units, in the paper's ratio of 10 to 2 pixels


def squared(target: Tensor, predicted: Tensor) -> Tensor:
    """Mean squared difference over all coordinates: the paper's text. (B, n, 2) -> ()."""
    return ops.mean(ops.square(target - predicted))


def norm(target: Tensor, predicted: Tensor) -> Tensor:
    """Mean Euclidean norm of the faces' difference vectors: the paper's formula as printed."""
    # the square root has no derivative at 0, where training would give NaN
    return ops.mean(ops.sqrt(ops.sum(ops.square(target - predicted), axis=(1, 2)) + 1e-12))


def absolute(target: Tensor, predicted: Tensor) -> Tensor:
    """Mean absolute difference over all coordinates; it proved most accurate."""
    return ops.mean(ops.abs(target - predicted))


def euclidean(target: Tensor, predicted: Tensor) -> Tensor:
    """Mean distance between points, which is what the normalised mean error counts."""
    # as in `norm`; a point that is 0.0001 units off is as good as right
    return ops.mean(ops.sqrt(ops.sum(ops.square(target - predicted), axis=2) + 1e-8))


def wing(target: Tensor, predicted: Tensor) -> Tensor:
    """Wing loss: a logarithm near zero, so that small errors count, and straight further out.

    w ln(1 + |x| / e) where |x| < w, else |x| - c, with c making it continuous. Feng et al., "Wing
    Loss for Robust Facial Landmark Localisation with CNNs", CVPR 2018.
    """
    error = ops.abs(target - predicted)
    gap = WING_WIDTH - WING_WIDTH * math.log(1 + WING_WIDTH / WING_CURVATURE)
    near = WING_WIDTH * ops.log(1 + error / WING_CURVATURE)
    return ops.mean(ops.where(error < WING_WIDTH, near, error - gap))


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"absolute": absolute, "squared": squared, "norm": norm, "euclidean": euclidean, "wing": wing}
)

# weight of the plausible face, by the share of the epochs that is done
SCHEDULES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "none": lambda progress: 0.0,
        "steps": lambda progress: (2.0, 1.0, 0.5)[min(int(progress * 3), 2)],
        "smooth": lambda progress: 2.0 * 0.25**progress,  # from 2 over 1 to 0.5
    }
)


class AsmAssistedLoss:
    """L(G, P) + a L(ASM(G), P) in training units.

    ASM acts on the face itself, upright and normalised, before augmentation turned and shifted it;
    the frame then carries the result to where the face lies in the crop.
    """

    def __init__(
        self, model: PointDistributionModel, scaling: TargetScaling, distance: str = "absolute"
    ) -> None:
        if distance not in DISTANCES:
            raise UsageError(f"no distance {distance!r}", f"Known: {', '.join(DISTANCES)}")
        self._distance = DISTANCES[distance]
        self._mean = model.mean
        self._components = model.components
        self._limits = CLIP * model.eigenvalues**0.5
        self._mean_shape = scaling.mean_shape
        self._shape_scale = scaling.shape_scale

    def __call__(
        self, shape: Tensor, frame: Tensor, target: Tensor, predicted: Tensor, weight: Tensor
    ) -> Tensor:
        """The loss of a batch, a scalar.

        shape : (B, n, 2) normalised upright faces; frame : (B, 2, 3) affine from those to relative
        crop coordinates; target, predicted : (B, n, 2) training units; weight : a, scalar
        """
        plausible = self._standardised(ops.matmul(self.asm(shape), _turn(frame)) + _shift(frame))
        return self._distance(target, predicted) + weight * self._distance(plausible, predicted)

    def asm(self, shape: Tensor) -> Tensor:
        """`PointDistributionModel.asm` on the backend's tensors: (B, n, 2) -> (B, n, 2)."""
        mean, components, limits = (
            ops.cast(a, shape.dtype) for a in (self._mean, self._components, self._limits)
        )
        flat = ops.reshape(shape, (-1, mean.shape[0])) - mean
        parameters = ops.clip(ops.matmul(flat, ops.transpose(components)), -limits, limits)
        return ops.reshape(ops.matmul(parameters, components) + mean, ops.shape(shape))

    def _standardised(self, points: Tensor) -> Tensor:
        return (points - ops.cast(self._mean_shape, points.dtype)) / self._shape_scale


def _turn(frame: Tensor) -> Tensor:
    """The linear part (B, 2, 2) of ``frame``, transposed for row vectors."""
    return ops.transpose(frame[:, :, :2], (0, 2, 1))


def _shift(frame: Tensor) -> Tensor:
    return frame[:, None, :, 2]
