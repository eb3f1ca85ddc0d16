"""What the annotations say of faces, and how far a model's outputs lie from it.

`figures` and `evaluation` both take their figures from here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge import metrics
from asmnet_edge.crop import CropRule, to_relative, transform
from asmnet_edge.data.sample import Missing, Sample
from asmnet_edge.errors import DataError
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pose import exact_or_fitted
from asmnet_edge.schemes import LandmarkScheme

FAILURE = 0.08  # threshold of records from before they stated their own
Outputs = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Truth:
    """The annotations of some faces.

    landmarks : (faces, n, 2) relative to their crops; pose : (faces, 3) degrees, fitted to the
    annotated landmarks unless ``pose_is_exact``; identities : (faces,) as `Sample` has them, empty
    where they are not known
    """

    landmarks: FloatArray
    pose: FloatArray
    scheme: LandmarkScheme
    pose_is_exact: bool = False
    identities: tuple[str, ...] = ()

    def interval(self, values: FloatArray) -> list[float]:
        """95 % bootstrap interval of the mean of ``values`` (faces,)."""
        return list(metrics.bootstrap_interval(values, identities=self.identities))

    def select(self, chosen: NDArray[np.intp]) -> Truth:
        """The faces at the indices ``chosen``."""
        identities = tuple(self.identities[n] for n in chosen) if self.identities else ()
        return replace(
            self,
            landmarks=self.landmarks[chosen],
            pose=self.pose[chosen],
            identities=identities,
        )


def truth_of(samples: Sequence[Sample], rule: CropRule) -> Truth:
    """The annotations of ``samples`` in the crops that ``rule`` cuts around them, pose as well."""
    scheme = samples[0].landmarks.scheme
    squares = [rule.square(s.landmarks) for s in samples]
    pairs = list(zip(samples, squares, strict=True))
    points = [transform(s.landmarks.points, q.matrix(rule.size)) for s, q in pairs]
    landmarks = to_relative(np.stack(points), rule.size)
    exact = [None if s.pose is None else q.pose_in_crop(s.pose) for s, q in pairs]
    known, identities = all(e is not None for e in exact), tuple(s.identity for s in samples)
    pose = exact_or_fitted(exact, landmarks, scheme)
    return Truth(landmarks, pose, scheme, known, identities)


def check_sizes(sample: Sample) -> None:
    """`DataError` for a face that no error can be measured on: its eyes are in one place."""
    for name, size in metrics.NORMALISERS.items():
        if not size(sample.landmarks.points[None], sample.landmarks.scheme)[0] > 0:
            raise DataError(f"{sample.name}: its {name} size is 0", "Mend or remove its annotation")


def failure_threshold(scheme: LandmarkScheme) -> float:
    """NME as a fraction above which a face of ``scheme`` counts as failed; the AUC goes up to it.

    0.10 by the protocol of WFLW, 0.08 by that of 300W.
    """
    return scheme.failure


def truth_figures(outputs: Outputs, truth: Truth) -> dict[str, Any]:
    """NME in %, with its interval and by facial region; failure rate and AUC as fractions, pose MAE
    in degrees and what its truth is.
    """
    comparison = metrics.Comparison(
        *(outputs[0], truth.landmarks, outputs[1], truth.pose),
        *(truth.scheme, truth.identities),
    )
    return {
        **metrics.figures(comparison),
        "pose_truth": "exact" if truth.pose_is_exact else "fitted to the annotated landmarks",
    }


def missing_as_json(missing: Sequence[Missing]) -> list[dict[str, Any]]:
    return [asdict(part) for part in missing]


def faces_in_words(faces: int, missing: Sequence[Mapping[str, Any]], broken: int = 0) -> str:
    """``554 of 689 faces``, or only ``554 faces`` where nothing lacks.

    missing : as `missing_as_json` makes it; broken : faces that were left out
    """
    total = faces + broken + sum(part["faces"] for part in missing)
    plural = "" if total == 1 else "s"
    return f"{faces} face{plural}" if total == faces else f"{faces} of {total} face{plural}"


def gaps_in_words(missing: Sequence[Mapping[str, Any]], broken: int = 0, of: str = "") -> str:
    """``ibug (135)``: the parts that lack, and how many faces they have; empty if nothing does.

    of : the subset; where that itself is the part, ``135 others`` says enough
    """
    parts = [
        f"{p['faces']} others" if p["part"] == of else f"{p['part']} ({p['faces']})"
        for p in missing
    ]
    return ", ".join([*parts, *([f"{broken} broken"] if broken else [])])
