"""Fit the shape model by which the runtime distinguishes faces from background.

    python scripts/fit_plausibility.py --data DATA --output asmnet_edge/assets/plausibility_68.npz

Mean and modes come from the annotated training faces of 300W without the validation faces. The
landmarks of a network are smoother than annotated ones, so the limits come from the landmarks that
the shipped int8 model finds in the validation faces: cut by boxes about as inexact as a detector's
and, where the network expects upright faces, once more by the landmarks found, as the runtime does.
One in two hundred such faces is beyond each limit. The share of background that passes is printed.

The hash of the float model that the int8 one comes from is stored with the limits. A test fails
while it differs from that of the shipped weights: run this script again for new weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from asmnet_edge.datasets.sample import Sample
from asmnet_edge.datasets.splits import is_validation
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.geometry.landmarks import Box, FloatArray
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.geometry.shape_model import PointDistributionModel
from asmnet_edge.io.files import SHIPPED_INT8, shipped, write_arrays
from asmnet_edge.runtime.artifact import Artifact, open_artifact
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
from asmnet_edge.runtime.plausibility import PARAMETERS, FacePlausibility

VARIANCE = 0.97
SHARE = 99.5  # % of faces within each limit
VIEWS = 6  # of each validation face, in different boxes
SHIFT, SCALE = 0.06, 0.08  # standard deviations of a box's place in its sides, of its log size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    every = W300(options.data / "300w").samples("train")
    samples = [sample for sample in every if not sample.in_test]
    fitted = [s for s in samples if not is_validation(s.identity)]
    held_out = [s for s in samples if is_validation(s.identity)]
    model = PointDistributionModel.fit(
        np.stack([s.landmarks.points for s in fitted]), VARIANCE, "procrustes", IBUG68
    )
    artifact = open_artifact(shipped(SHIPPED_INT8))
    unlimited = FacePlausibility(
        *(model.mean, model.components, model.eigenvalues, _tail(model), np.ones(3)),
        fitted_to=artifact.manifest.source_sha256,
    )
    faces, others = found(as_in_use(artifact), held_out, np.random.default_rng(0))
    final = replace(unlimited, limits=_limits(unlimited, faces))
    _print_shares(final, faces, others)
    write_arrays(options.output, {name: np.array(getattr(final, name)) for name in PARAMETERS})


def _tail(model: PointDistributionModel) -> float:
    return float(model.spectrum[len(model.components) :].sum())


def _limits(model: FacePlausibility, faces: FloatArray) -> FloatArray:
    """Limits (3,) of the distance within the model, outside of it, and of both together."""
    raw = np.array([model.distances(face) for face in faces])
    single = np.percentile(raw, SHARE, axis=0)
    both = np.percentile(np.sqrt(((raw / single) ** 2).mean(axis=1)), SHARE)
    return np.array([*single, both])


def as_in_use(artifact: Artifact) -> FaceLandmarker:
    """Return a landmarker that refines each crop where the crop rule is upright."""
    return FaceLandmarker(artifact, refine=artifact.manifest.crop_rule.upright)


def found(
    landmarker: FaceLandmarker, samples: Sequence[Sample], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return what ``landmarker`` finds in faces, and beside them: (views, 68, 2) each."""
    faces, others = [], []
    for sample in samples:
        picture, box = sample.load(), sample.landmarks.box
        for _ in range(VIEWS):
            faces += landmarker.faces_in(picture, [_displaced(box, rng)])
            if beside := _beside(box, picture.shape, rng):
                others += landmarker.faces_in(picture, [beside])
    return _points(faces), _points(others)


def _points(faces: Sequence[Face]) -> FloatArray:
    return np.stack([face.landmarks.points for face in faces])


def _displaced(box: Box, rng: np.random.Generator) -> Box:
    side = max(box.width, box.height) * np.exp(rng.normal(0, SCALE))
    x, y = np.array(box.centre) + rng.normal(0, SHIFT, 2) * side - side / 2
    return Box(float(x), float(y), float(side), float(side))


def _beside(box: Box, shape: Sequence[int], rng: np.random.Generator) -> Box | None:
    """A square of the picture that holds less than half a face, or None where there is no room."""
    face = max(box.width, box.height)
    for _ in range(50):
        side = face * rng.uniform(0.3, 0.8)
        x, y = rng.uniform(0, shape[1] - side), rng.uniform(0, shape[0] - side)
        away = np.abs(np.array([x, y]) + side / 2 - box.centre)
        if away.max() > 0.5 * face + 0.3 * side:
            return Box(float(x), float(y), float(side), float(side))
    return None


def _print_shares(model: FacePlausibility, faces: FloatArray, others: FloatArray) -> None:
    for name, shapes in (("faces", faces), ("background", others)):
        quality = np.array([model.quality(shape) for shape in shapes])
        print(f"{name}: {len(shapes)}, {100 * np.mean(quality >= 0.5):.1f} % pass as a face; "
              f"quality p5 {np.percentile(quality, 5):.2f}, p50 {np.median(quality):.2f}, "
              f"p95 {np.percentile(quality, 95):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
