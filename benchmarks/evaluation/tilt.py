"""Accuracy on tilted heads: turned pictures, with the runtime's sequence of inferences.

Each picture is turned about the face, and the model starts with the tight box of the turned
landmarks, as if a detector had found it: a level crop first, then crops by the landmarks found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import failure_threshold
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.crop import CropRule, Square, crop_matrix, cut, from_relative, invert, transform
from asmnet_edge.data.sample import Sample
from asmnet_edge.landmarks import Box, FloatArray, Landmarks, bounding_box
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.backends.backend import Crop
from asmnet_edge.runtime.landmarker import next_crop
from asmnet_edge.schemes import LandmarkScheme

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


def tilted(model: EvaluatedModel, samples: Sequence[Sample], tick: Callable[[], None]) -> Tilted:
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


def search_all(model: EvaluatedModel, searches: Sequence[Search]) -> None:
    """Run ``model`` until the runtime would stop, on all unfinished ``searches`` in one batch."""
    while left := [search for search in searches if search.where is not None]:
        crops = np.ascontiguousarray(np.stack([search.crop() for search in left]))
        for search, relative, pose in zip(left, *model.outputs(crops), strict=True):
            search.add(relative, pose, model.scheme)


def tilt_figures(
    model: EvaluatedModel,
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
