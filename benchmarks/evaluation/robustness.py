"""Robustness of a model: displaced crops, such as a real detector's boxes give, and tilted heads.

For displaced crops each face is cut with the crop's centre shifted, its side scaled, or its content
turned. Landmarks are mapped back into the picture, so that all errors are measured in one unit.

For tilted heads each picture is turned about the face. The model starts with the tight box of the
turned landmarks, as if a detector had found it: a level crop first, then crops by the landmarks
found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.evaluation_faces import failure_threshold
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.crop import (
    CropRule,
    Square,
    crop_matrix,
    cut,
    from_relative,
    invert,
    transform,
)
from asmnet_edge.geometry.landmarks import Box, FloatArray, Landmarks, bounding_box
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.backends.backend import Crop
from asmnet_edge.runtime.landmarker import next_crop

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
    model: CallableModel, samples: Sequence[Sample], tick: Callable[[], None]
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
    model: CallableModel, sample: Sample, displacements: Sequence[Displacement]
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


# Accuracy on tilted heads: turned pictures, with the runtime's sequence of inferences

DEGREES = (0.0, 30.0, 60.0, 90.0, 180.0)  # clockwise rotation of the pictures
REACH = 3.0  # side of the turned picture over the face's longer side: more than any crop needs


@dataclass(frozen=True)
class Tilted:
    """Results of each face at each tilt.

    names : of the faces; errors : (faces, tilts), NME as a fraction of the inter-ocular distance
    inferences : (faces, tilts), number of inferences
    """

    names: tuple[str, ...]
    errors: FloatArray
    inferences: FloatArray

    def figures(self, subsets: Mapping[str, Sequence[str]], threshold: float) -> dict[str, Any]:
        """Return NME in %, failure rate and inferences a face by tilt, for ``subsets`` of names."""
        return {
            "degrees": list(DEGREES),
            "subsets": [self._row(name, set(of), threshold) for name, of in subsets.items()],
        }

    def _row(self, subset: str, of: set[str], threshold: float) -> dict[str, Any]:
        chosen = np.array([name in of for name in self.names])
        errors = self.errors[chosen]
        return {
            "name": subset,
            "faces": len(errors),
            "nme": (100 * errors.mean(axis=0)).tolist(),
            "failure_rate": (errors > threshold).mean(axis=0).tolist(),
            "inferences": self.inferences[chosen].mean(axis=0).tolist(),
        }


@dataclass
class Search:
    """The runtime's sequence of inferences on one face, run in a batch with those on others.

    where : what the next crop is cut by, None where the runtime would stop
    seen : landmarks of each inference in pixels of the picture; pose : (3,) of the last one
    """

    picture: Picture
    rule: CropRule
    where: Box | Landmarks | None
    seen: list[Landmarks] = field(default_factory=list)
    pose: FloatArray = field(default_factory=lambda: np.zeros(3))

    def crop(self) -> Crop:
        """Return the crop (s, s, 3) RGB of the next inference."""
        return cut(self.picture, self._matrix, self.rule.size)[..., ::-1]

    def add(self, relative: FloatArray, pose: FloatArray, scheme: LandmarkScheme) -> None:
        """Add the outputs for the crop: landmarks ``relative`` (n, 2) to it, ``pose`` (3,)."""
        self.pose = self._square.pose_in_picture(np.array(pose, np.float64))
        points = transform(from_relative(relative, self.rule.size), invert(self._matrix))
        self.seen.append(Landmarks(points, scheme))
        self.where = next_crop(self.rule, self.seen)

    @property
    def _square(self) -> Square:
        assert self.where is not None, "the search goes on"
        return self.rule.square(self.where)

    @property
    def _matrix(self) -> FloatArray:
        return self._square.matrix(self.rule.size)


def tilted(model: CallableModel, samples: Sequence[Sample], tick: Callable[[], None]) -> Tilted:
    """Run ``model`` on each of ``samples`` turned by all `DEGREES`; ``tick`` follows each."""
    errors, inferences = [], []
    for sample in samples:
        picture = sample.load()
        turned = [turned_picture(sample, picture, degrees) for degrees in DEGREES]
        searches = [Search(t, model.crop, bounding_box(points)) for t, points in turned]
        search_all(model, searches)
        found = np.stack([search.seen[-1].points for search in searches])
        errors.append(metrics.nme(found, np.stack([points for _, points in turned]), model.scheme))
        inferences.append([len(search.seen) for search in searches])
        tick()
    return Tilted(tuple(s.name for s in samples), np.stack(errors), np.array(inferences, float))


def search_all(model: CallableModel, searches: Sequence[Search]) -> None:
    """Run ``model`` until the runtime would stop, on all unfinished ``searches`` in one batch."""
    while left := [search for search in searches if search.where is not None]:
        crops = np.ascontiguousarray(np.stack([search.crop() for search in left]))
        for search, relative, pose in zip(left, *model.outputs(crops), strict=True):
            search.add(relative, pose, model.scheme)


def tilt_figures(
    model: CallableModel,
    samples: Sequence[Sample],
    subsets: Mapping[str, Sequence[str]],
    tick: Callable[[], None],
) -> dict[str, Any]:
    """Return the figures on tilted heads; ``subsets`` : names of each subset's faces."""
    return tilted(model, samples, tick).figures(subsets, failure_threshold(model.scheme))


def turned_picture(sample: Sample, picture: Picture, degrees: float) -> tuple[Picture, FloatArray]:
    """Return the ``picture`` of ``sample`` around its face, turned clockwise, and its landmarks.

    It turns about the centre of a pixel, so that right angles do not blur.
    """
    box = sample.landmarks.box
    x, y = (float(round(value)) for value in box.centre)
    side = 2 * int(REACH * max(box.width, box.height) / 2) + 1
    matrix = crop_matrix((x, y), side, side, degrees)
    return cut(picture, matrix, side), transform(sample.landmarks.points, matrix)
