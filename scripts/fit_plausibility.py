"""Make the shape model by which the runtime tells a face from what is none.

    python scripts/fit_plausibility.py --data DATA --output asmnet_edge/assets/plausibility_68.npz

Mean and modes come from the annotated training faces of 300W, those that validate left out. What
the network finds is smoother than what people annotate, so the limits come from what the shipped
int8 model finds: on the validation faces, cut by boxes that lie about as badly as a detector's.
They lie where one in two hundred such faces is beyond them. How much background passes is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asmnet_edge.arrays import write_arrays
from asmnet_edge.data.sample import Sample
from asmnet_edge.data.split import is_validation
from asmnet_edge.data.w300 import W300
from asmnet_edge.landmarks import Box, FloatArray
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.runtime.plausibility import PARAMETERS, FacePlausibility
from asmnet_edge.schemes import IBUG68
from asmnet_edge.shape import PointDistributionModel

VARIANCE = 0.97
SHARE = 99.5  # % of faces within each limit
LOOKS = 6  # at each validation face
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
    unlimited = FacePlausibility(
        model.mean, model.components, model.eigenvalues, _tail(model), np.ones(3)
    )
    faces, others = found(held_out, np.random.default_rng(0))
    limits = _limits(unlimited, faces)
    final = FacePlausibility(model.mean, model.components, model.eigenvalues, _tail(model), limits)
    _tell(final, faces, others)
    write_arrays(options.output, {name: np.array(getattr(final, name)) for name in PARAMETERS})


def _tail(model: PointDistributionModel) -> float:
    return float(model.spectrum[len(model.components) :].sum())


def _limits(model: FacePlausibility, faces: FloatArray) -> FloatArray:
    """Limits of the distance within, without and of both together."""
    raw = np.array([model.distances(face) for face in faces])
    single = np.percentile(raw, SHARE, axis=0)
    both = np.percentile(np.sqrt(((raw / single) ** 2).mean(axis=1)), SHARE)
    return np.array([*single, both])


def found(samples: Sequence[Sample], rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """What the shipped model finds in faces and beside them: two arrays (looks, 68, 2)."""
    landmarker = FaceLandmarker.open()
    faces, others = [], []
    for sample in samples:
        picture, box = sample.load(), sample.landmarks.box
        for _ in range(LOOKS):
            faces.append(landmarker.landmarks(picture, _shaken(box, rng)).landmarks.points)
            if beside := _beside(box, picture.shape, rng):
                others.append(landmarker.landmarks(picture, beside).landmarks.points)
    return np.stack(faces), np.stack(others)


def _shaken(box: Box, rng: np.random.Generator) -> Box:
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


def _tell(model: FacePlausibility, faces: FloatArray, others: FloatArray) -> None:
    for name, shapes in (("faces", faces), ("background", others)):
        quality = np.array([model.quality(shape) for shape in shapes])
        print(f"{name}: {len(shapes)}, {100 * np.mean(quality >= 0.5):.1f} % pass as a face; "
              f"quality p5 {np.percentile(quality, 5):.2f}, p50 {np.median(quality):.2f}, "
              f"p95 {np.percentile(quality, 95):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
