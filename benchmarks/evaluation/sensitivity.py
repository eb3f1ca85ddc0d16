"""Sensitivity of a model to displaced crops, such as a real detector's boxes give.

Each face is cut with the crop's centre shifted, its side scaled, or its content turned. Landmarks
are mapped back into the picture, so that all errors are measured in one unit.
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
class Displacement:
    """Displacement of a crop from where its rule puts it.

    shift_x, shift_y : of its centre to the right and down, as a share of the rule's side; scale :
    factor on the rule's side; rotation : degrees by which the content turns clockwise
    """

    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    rotation: float = 0.0

    def matrix(self, box: Box, rule: CropRule) -> FloatArray:
        """Affine matrix (2, 3) from picture pixels to the pixels of the displaced crop."""
        side = rule.margin * max(box.width, box.height)
        x, y = box.centre
        centre = x + self.shift_x * side, y + self.shift_y * side
        return crop_matrix(centre, self.scale * side, rule.size, self.rotation)


SHIFTS = (-0.20, -0.15, -0.10, -0.05, 0.0, 0.05, 0.10, 0.15, 0.20)
# what is displaced -> by how much; each curve holds the crop as the rule has it
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
    """Return the NME in % (inter-ocular) of ``model`` by displacement of the crops of ``samples``.

    ``tick`` is called after each face.
    """
    displacements = list(dict.fromkeys(d for curve in _displacements().values() for d in curve))
    errors = []
    for sample in samples:
        errors.append(_errors(model, sample, displacements))
        tick()
    nme = dict(zip(displacements, 100 * np.mean(errors, axis=0), strict=True))
    return {
        "faces": len(samples),
        "curves": {
            name: {"by": list(CURVES[name]), "nme": [float(nme[d]) for d in curve]}
            for name, curve in _displacements().items()
        },
    }


def reach(rule: CropRule) -> float:
    """Return how far displaced crops of ``rule`` reach, as a factor on the face's longer side.

    It is the side of the level square about the face's centre which holds all of each crop.
    """
    return max(_reach(d) for curve in _displacements().values() for d in curve) * rule.margin


def _reach(displacement: Displacement) -> float:
    angle = np.deg2rad(displacement.rotation)
    turned = displacement.scale * (abs(np.cos(angle)) + abs(np.sin(angle)))
    return float(turned + 2 * max(abs(displacement.shift_x), abs(displacement.shift_y)))


def every_kth(items: Sequence[T], most: int = FACES) -> tuple[T, ...]:
    """At most ``most`` of ``items``, evenly spread, the same ones each time."""
    return tuple(items[:: -(-len(items) // most)])


def _displacements() -> dict[str, list[Displacement]]:
    return {name: [Displacement(**{name: by}) for by in steps] for name, steps in CURVES.items()}


def _errors(
    model: EvaluatedModel, sample: Sample, displacements: Sequence[Displacement]
) -> FloatArray:
    """NME of one face in each of its disturbed crops, (displacements,), as a fraction."""
    picture, size = sample.load(), model.crop.size
    matrices = [d.matrix(sample.landmarks.box, model.crop) for d in displacements]
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
