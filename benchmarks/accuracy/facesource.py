"""Faces of a run, cut anew for each crop rule of its models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2

from asmnet_edge.benchmarks.accuracy.truth import EvaluationFaces, faces_of, failure_threshold
from asmnet_edge.benchmarks.record_types import CropFacts, FaceSettings
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
        """Return the faces cut by ``rule``, level as the protocols of the data sets have it."""
        rule = rule.level
        if rule not in self._cut:
            self._cut[rule] = self.cut(rule)
        return self._cut[rule]

    def encoded(self) -> bytes:
        """Return the picture as JPEG, as a camera or a file would give it."""
        good, encoded = cv2.imencode(".jpg", self.picture())
        assert good, "OpenCV writes JPEG"
        return encoded.tobytes()


def source_of(dataset: Dataset, subset: str, annotated: bool) -> FaceSource:
    """Return the faces of ``subset``; the stages are timed on the picture of the first."""

    def picture() -> Picture:
        return dataset.samples(subset)[0].load()

    return FaceSource(
        dataset.scheme, lambda rule: faces_of(dataset, subset, rule, annotated), picture
    )


def faces_settings(faces: EvaluationFaces) -> FaceSettings:
    """Describe ``faces`` for the record.

    Two runs had the same faces if ``annotations_sha256`` is the same; ``sha256`` is of the crops
    and so depends on the first row's rule, too.
    """
    digest = hashlib.sha256(faces.crops.tobytes())
    if faces.landmarks is not None:
        digest.update(faces.landmarks.round(5).tobytes())
    return FaceSettings(
        count=len(faces.crops),
        on=faces.description,
        drawn=faces.drawn,
        missing=faces.missing,
        failure_threshold=failure_threshold(faces.scheme),
        scheme=faces.scheme.name,
        crop=CropFacts(faces.crop.margin, faces.crop.size),
        sha256=digest.hexdigest(),
        annotations_sha256=faces.annotations_sha256,
    )
