"""The faces of a run, cut anew for each crop rule that its models ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2

from asmnet_edge.benchmarks.accuracy.figures import EvaluationFaces, faces_of
from asmnet_edge.benchmarks.accuracy.truth import failure_threshold, missing_as_json
from asmnet_edge.crop import CropRule
from asmnet_edge.data.sample import Dataset
from asmnet_edge.pictures import Picture
from asmnet_edge.schemes import LandmarkScheme


@dataclass
class FaceSource:
    """Faces by crop rule, and one picture for the stages.

    cut : makes the faces of a rule; picture : reads a picture (H, W, 3) BGR
    """

    scheme: LandmarkScheme
    cut: Callable[[CropRule], EvaluationFaces]
    picture: Callable[[], Picture]
    _cut: dict[CropRule, EvaluationFaces] = field(default_factory=dict)

    def for_rule(self, rule: CropRule) -> EvaluationFaces:
        """The faces by ``rule``, level as the protocols cut them."""
        rule = rule.level
        if rule not in self._cut:
            self._cut[rule] = self.cut(rule)
        return self._cut[rule]

    def encoded(self) -> bytes:
        """The picture as JPEG, as a camera or a file would give it."""
        good, encoded = cv2.imencode(".jpg", self.picture())
        assert good, "OpenCV writes JPEG"
        return encoded.tobytes()


def source_of(dataset: Dataset, subset: str, annotated: bool) -> FaceSource:
    """The faces of ``subset``; the stages are measured on the picture of the first."""

    def picture() -> Picture:
        return dataset.samples(subset)[0].load()

    return FaceSource(
        dataset.scheme, lambda rule: faces_of(dataset, subset, rule, annotated), picture
    )


def faces_settings(faces: EvaluationFaces) -> dict[str, Any]:
    """What the record says of the faces.

    Two runs had the same faces if ``annotations_sha256`` is the same; ``sha256`` is of the crops
    and so depends on the first row's rule, too.
    """
    digest = hashlib.sha256(faces.crops.tobytes())
    if faces.landmarks is not None:
        digest.update(faces.landmarks.round(5).tobytes())
    return {
        "count": len(faces.crops),
        "on": faces.description,
        "drawn": faces.drawn,
        "missing": missing_as_json(faces.missing),
        "failure_threshold": failure_threshold(faces.scheme),
        "scheme": faces.scheme.name,
        "crop": {"margin": faces.crop.margin, "size": faces.crop.size},
        "sha256": digest.hexdigest(),
        "annotations_sha256": faces.annotations_sha256,
    }
