"""How much a model minds a crop that does not lie as its rule says: what a real detector does.

Each face is cut with the crop's centre shifted, its side scaled, or its content turned. Landmarks
are carried back into the picture, so that all errors are measured in one unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.crop import CropRule, crop_matrix, cut, from_relative, invert, transform
from asmnet_edge.data.sample import Sample
from asmnet_edge.landmarks import Box, FloatArray
from asmnet_edge.pictures import Picture

FACES = 100  # at most; 33 crops of each take an artifact about a quarter of a minute
T = TypeVar("T")


@dataclass(frozen=True)
class Disturbance:
    """How a crop lies off its rule.

    shift_x, shift_y : of its centre to the right and down, as a share of the rule's side; scale :
    factor on the rule's side; rotation : degrees by which the content turns clockwise
    """

    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0

    def matrix(self, box: Box, rule: CropRule) -> FloatArray:
        """Affine matrix (2, 3) from picture pixels to the pixels of the disturbed crop."""
        side = rule.margin * max(box.width, box.height)
        x, y = box.centre
        centre = x + self.shift_x * side, y + self.shift_y * side
        return crop_matrix(centre, self.scale * side, rule.size, self.rotation)


SHIFTS = (-0.20, -0.15, -0.10, -0.05, 0.0, 0.05, 0.10, 0.15, 0.20)
# what is disturbed -> by how much; each curve holds the undisturbed crop
CURVES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "shift_x": SHIFTS,
        "shift_y": SHIFTS,
        "scale": (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5),
        "rotation": (-40.0, -30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0),
    }
)


def sensitivity(
    model: EvaluatedModel, samples: Sequence[Sample], tick: Callable[[], None]
) -> dict[str, Any]:
    """NME in % (inter-ocular) of ``model`` by how far the crops of ``samples`` lie off the rule.

    ``tick`` is called after each face.
    """
    disturbances = list(dict.fromkeys(d for curve in _disturbances().values() for d in curve))
    errors = []
    for sample in samples:
        errors.append(_errors(model, sample, disturbances))
        tick()
    nme = dict(zip(disturbances, 100 * np.mean(errors, axis=0), strict=True))
    return {
        "faces": len(samples),
        "curves": {
            name: {"by": list(CURVES[name]), "nme": [float(nme[d]) for d in curve]}
            for name, curve in _disturbances().items()
        },
    }


def reach(rule: CropRule) -> float:
    """Side over the face's longer side of what the disturbed crops of ``rule`` see at most.

    That of the upright square about the face's centre which holds all of a crop.
    """
    return max(_reach(d) for curve in _disturbances().values() for d in curve) * rule.margin


def _reach(disturbance: Disturbance) -> float:
    angle = np.deg2rad(disturbance.rotation)
    turned = disturbance.scale * (abs(np.cos(angle)) + abs(np.sin(angle)))
    return float(turned + 2 * max(abs(disturbance.shift_x), abs(disturbance.shift_y)))


def every_kth(items: Sequence[T], most: int = FACES) -> tuple[T, ...]:
    """At most ``most`` of ``items``, evenly spread, the same ones each time."""
    return tuple(items[:: -(-len(items) // most)])


def _disturbances() -> dict[str, list[Disturbance]]:
    return {name: [Disturbance(**{name: by}) for by in steps] for name, steps in CURVES.items()}


def _errors(
    model: EvaluatedModel, sample: Sample, disturbances: Sequence[Disturbance]
) -> FloatArray:
    """NME of one face in each of its disturbed crops, (disturbances,), as a fraction."""
    picture, size = sample.load(), model.crop.size
    matrices = [d.matrix(sample.landmarks.box, model.crop) for d in disturbances]
    relative, _ = model.outputs(_crops(picture, matrices, size))
    predicted = [
        transform(from_relative(points, size), invert(matrix))
        for points, matrix in zip(relative, matrices, strict=True)
    ]
    truth = np.repeat(sample.landmarks.points[None], len(matrices), axis=0)
    return metrics.nme(np.stack(predicted), truth, model.scheme)


def _crops(picture: Picture, matrices: Sequence[FloatArray], size: int) -> Picture:
    """Crops (matrices, size, size, 3) uint8 RGB of ``picture`` BGR."""
    crops = [cut(picture, matrix, size)[..., ::-1] for matrix in matrices]
    return np.ascontiguousarray(np.stack(crops))
