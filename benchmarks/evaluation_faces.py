"""Faces to evaluate on: annotated crops by a rule, and their facts for the record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2

from asmnet_edge.benchmarks.record_types import CropFacts, FaceSettings
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops, crops_of
from asmnet_edge.datasets.sample import Dataset, Missing, Sample
from asmnet_edge.errors import DataError
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.images import Picture

FAILURE = 0.08  # threshold of records from before they had one
Outputs = tuple[FloatArray, FloatArray]


def check_sizes(sample: Sample) -> None:
    """Raise `DataError` for a face that no error can be measured on: its eyes are in one place."""
    for name, size in metrics.NORMALISERS.items():
        if not size(sample.landmarks.points[None], sample.landmarks.scheme)[0] > 0:
            raise DataError(f"{sample.name}: its {name} size is 0", "Mend or remove its annotation")


def failure_threshold(scheme: LandmarkScheme) -> float:
    """Return the NME, a fraction, above which a face counts as failed; the AUC goes up to it.

    0.10 by the protocol of WFLW, 0.08 by that of 300W.
    """
    return scheme.failure


@dataclass(frozen=True, kw_only=True)
class EvaluationFaces(AnnotatedCrops):
    """Faces to evaluate on; landmarks and pose are None where only deviation is asked for.

    crop : rule that they are cut by; description : data set and subset; missing : parts of the
    subset that this copy of the data set lacks; drawn : no photos; annotations_sha256 : see
    `hash_of`
    """

    crop: CropRule
    description: str
    missing: tuple[Missing, ...] = ()
    drawn: bool = False
    annotations_sha256: str | None = None


def faces_of(dataset: Dataset, subset: str, rule: CropRule, annotated: bool) -> EvaluationFaces:
    """Cut the faces of ``subset`` by ``rule`` around their annotated landmarks; always level."""
    rule = rule.level
    samples, missing = dataset.samples(subset), tuple(dataset.missing(subset))
    for sample in samples:
        check_sizes(sample)
    faces = (
        AnnotatedCrops.of(samples, rule)
        if annotated
        else AnnotatedCrops(crops_of(samples, rule), dataset.scheme)
    )
    return EvaluationFaces(
        **vars(faces),
        crop=rule,
        description=f"{dataset.name} {subset}",
        missing=missing,
        drawn=any(sample.drawn for sample in samples),
        annotations_sha256=hash_of(samples),
    )


def hash_of(samples: Sequence[Sample]) -> str:
    """Hash the annotations in pixels of their pictures, in order, to a hundredth.

    It is the same wherever the faces lie and however they are called and cut.
    """
    digest = hashlib.sha256()
    for sample in samples:
        digest.update((sample.landmarks.points.round(2) + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()


def missing_as_json(missing: Sequence[Missing]) -> list[dict[str, Any]]:
    """Return ``missing`` as JSON objects."""
    return [asdict(part) for part in missing]


def faces_in_words(faces: int, missing: Sequence[Mapping[str, Any]], broken: int = 0) -> str:
    """Return ``554 of 689 faces``, or ``554 faces`` where nothing is missing.

    missing : as `missing_as_json` makes it; broken : faces that were left out
    """
    total = faces + broken + sum(part["faces"] for part in missing)
    plural = "" if total == 1 else "s"
    return f"{faces} face{plural}" if total == faces else f"{faces} of {total} face{plural}"


def gaps_in_words(missing: Sequence[Mapping[str, Any]], broken: int = 0, of: str = "") -> str:
    """Return the missing parts and their faces as ``ibug (135)``; empty if nothing is missing.

    of : the subset; a part of that name is called ``135 others``
    """
    parts = [
        f"{p['faces']} others" if p["part"] == of else f"{p['part']} ({p['faces']})"
        for p in missing
    ]
    return ", ".join([*parts, *([f"{broken} broken"] if broken else [])])


# Faces of a run, cut once for each crop rule of its models


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
