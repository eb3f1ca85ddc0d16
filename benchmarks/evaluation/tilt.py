"""How well a model takes tilted heads: whole pictures turned, looked at as the runtime does.

Each picture is turned about the face, and the runtime gets the tight box of the turned landmarks as
if a detector had found it: a first look in a level crop, then crops by the landmarks that it saw.
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

DEGREES = (0.0, 30.0, 60.0, 90.0, 180.0)  # by which pictures are turned clockwise
REACH = 3.0  # side of what is turned, over the face's longer side: more than any crop sees


@dataclass(frozen=True)
class Tilted:
    """What came of each face at each tilt.

    names : of the faces; errors : (faces, tilts), NME as a fraction of the inter-ocular distance
    inferences : (faces, tilts), how many the runtime ran
    """

    names: tuple[str, ...]
    errors: FloatArray
    inferences: FloatArray

    def figures(self, subsets: Mapping[str, Sequence[str]], threshold: float) -> dict[str, Any]:
        """NME in %, failure rate and inferences a face, by tilt, of ``subsets`` of the names."""
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
    """The runtime's looks at one face, to be taken together with those at others.

    where : by which the next crop is cut, None when the runtime would be content
    seen : the landmarks of each look, in pixels of the picture; pose : (3,) of the last one
    """

    picture: Picture
    rule: CropRule
    where: Box | Landmarks | None
    seen: list[Landmarks] = field(default_factory=list)
    pose: FloatArray = field(default_factory=lambda: np.zeros(3))

    def crop(self) -> Crop:
        """The crop (s, s, 3) RGB of the next look."""
        return cut(self.picture, self._matrix, self.rule.size)[..., ::-1]

    def saw(self, relative: FloatArray, pose: FloatArray, scheme: LandmarkScheme) -> None:
        """Take what the model answered to the crop: ``relative`` (n, 2) and ``pose`` (3,)."""
        self.pose = self._square.pose_in_picture(np.array(pose, np.float64))
        points = transform(from_relative(relative, self.rule.size), invert(self._matrix))
        self.seen.append(Landmarks(points, scheme))
        self.where = next_crop(self.rule, self.seen)

    @property
    def _square(self) -> Square:
        assert self.where is not None, "there is a look left"
        return self.rule.square(self.where)

    @property
    def _matrix(self) -> FloatArray:
        return self._square.matrix(self.rule.size)


def tilted(model: EvaluatedModel, samples: Sequence[Sample], tick: Callable[[], None]) -> Tilted:
    """``model`` on ``samples``, each turned by all of `DEGREES`; ``tick`` is called for each."""
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
    """Let ``model`` look as often as the runtime would, at all faces that are left in one batch."""
    while left := [search for search in searches if search.where is not None]:
        crops = np.ascontiguousarray(np.stack([search.crop() for search in left]))
        for search, relative, pose in zip(left, *model.outputs(crops), strict=True):
            search.saw(relative, pose, model.scheme)


def tilt_figures(
    model: EvaluatedModel,
    samples: Sequence[Sample],
    subsets: Mapping[str, Sequence[str]],
    tick: Callable[[], None],
) -> dict[str, Any]:
    """What an evaluation says of tilted heads; ``subsets`` : the names of each one's faces."""
    return tilted(model, samples, tick).figures(subsets, failure_threshold(model.scheme))


def turned_picture(sample: Sample, picture: Picture, degrees: float) -> tuple[Picture, FloatArray]:
    """The ``picture`` of ``sample`` around its face, turned clockwise, and its landmarks there.

    It turns about the centre of a pixel, so that right angles move pixels and blur none.
    """
    box = sample.landmarks.box
    x, y = (float(round(value)) for value in box.centre)
    side = 2 * int(REACH * max(box.width, box.height) / 2) + 1
    matrix = crop_matrix((x, y), side, side, degrees)
    return cut(picture, matrix, side), transform(sample.landmarks.points, matrix)
