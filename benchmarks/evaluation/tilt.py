"""How well a model takes tilted heads: whole pictures turned, through the runtime's own passes.

Each picture is turned about the face, and the runtime gets the tight box of the turned landmarks as
if a detector had found it: a first look in a level crop, then crops by the landmarks that it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import failure_threshold
from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.crop import crop_matrix, cut, transform
from asmnet_edge.data.sample import Sample
from asmnet_edge.landmarks import FloatArray, bounding_box
from asmnet_edge.manifest import ArtifactManifest, Precision
from asmnet_edge.pictures import Picture
from asmnet_edge.runtime.backends.backend import Artifact, Crop
from asmnet_edge.runtime.landmarker import FaceLandmarker

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


class _Backend:
    """The model as the runtime runs it, a crop at a time; ``runs`` counts them."""

    def __init__(self, model: EvaluatedModel) -> None:
        self.name, self._model, self.runs = str(model.facts["name"]), model, 0

    def run(self, crop: Crop) -> tuple[FloatArray, FloatArray]:
        self.runs += 1
        landmarks, pose = self._model.outputs(crop)
        return landmarks[0], pose[0]


def tilted(model: EvaluatedModel, samples: Sequence[Sample], tick: Callable[[], None]) -> Tilted:
    """``model`` on ``samples``, each turned by all of `DEGREES`; ``tick`` is called for each."""
    backend = _Backend(model)
    landmarker = FaceLandmarker(_as_artifact(model, backend))
    errors, runs = np.empty((2, len(samples), len(DEGREES)))
    for i, sample in enumerate(samples):
        picture = sample.load()
        for k, degrees in enumerate(DEGREES):
            before = backend.runs
            errors[i, k] = _error(landmarker, *turned_picture(sample, picture, degrees), model)
            runs[i, k] = backend.runs - before
        tick()
    return Tilted(tuple(sample.name for sample in samples), errors, runs)


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


def _error(
    landmarker: FaceLandmarker, picture: Picture, points: FloatArray, model: EvaluatedModel
) -> float:
    """NME, as a fraction, of what the runtime finds from the tight box of ``points`` (n, 2)."""
    (face,) = landmarker.faces_in(picture, [bounding_box(points)])
    return float(metrics.nme(face.landmarks.points[None], points[None], model.scheme)[0])


def _as_artifact(model: EvaluatedModel, backend: _Backend) -> Artifact:
    """``model``, a float one too, as the runtime takes it, with what that asks of a manifest."""
    manifest = ArtifactManifest(
        format="",
        precision=Precision.FLOAT32,
        model={},
        scheme=model.scheme.name,
        crop=asdict(model.crop),
        inputs=(),
        outputs=(),
        parameters=0,
        multiply_adds=0,
        operators={},
        calibration=None,
        source_sha256="",
        provenance={},
        licence="",
        tools={},
    )
    return Artifact(Path(str(model.facts["name"])), manifest, backend)
