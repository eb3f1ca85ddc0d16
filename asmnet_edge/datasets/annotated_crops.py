"""Crops of annotated faces, as a network sees them: the one type that scores are computed on.

`Annotations` are the labels alone, in the coordinates of the crops; `AnnotatedCrops` are the pixels
with the labels beside them. Training validates on them, conversions are scored on them, and
benchmarks and evaluations measure errors on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.datasets.sample import Sample
from asmnet_edge.errors import DataError
from asmnet_edge.geometry.crop import CropRule, cut, to_relative, transform
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.metrics import bootstrap_interval, nme
from asmnet_edge.geometry.pose import exact_or_fitted
from asmnet_edge.geometry.schemes import LandmarkScheme


@dataclass(frozen=True)
class Annotations:
    """Landmarks and pose of faces in their crops.

    landmarks : (faces, n, 2) x, y relative to the crops, 0 at the left and top edge, 1 at the other
    pose : (faces, 3) yaw, pitch, roll in degrees, in the crops; fitted to the landmarks for at
    least one face unless ``pose_is_exact``
    identities : (faces,) as in `Sample`, or empty where unknown

    `DataError` for arrays that do not fit each other or the scheme.
    """

    landmarks: FloatArray
    pose: FloatArray
    scheme: LandmarkScheme
    pose_is_exact: bool = False
    identities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faces = len(self.landmarks)
        _check_shape("landmarks", self.landmarks, (faces, self.scheme.points, 2))
        _check_shape("pose", self.pose, (faces, 3))
        _check_identities(self.identities, faces)

    def __len__(self) -> int:
        return len(self.landmarks)

    @classmethod
    def of(cls, samples: Sequence[Sample], rule: CropRule) -> Annotations:
        """Return the labels of ``samples`` in the crops that ``rule`` cuts around their landmarks.

        No picture is read. `DataError` when a pose is unknown and cannot be fitted.
        """
        scheme, squares = samples[0].landmarks.scheme, [rule.square(s.landmarks) for s in samples]
        pairs = list(zip(samples, squares, strict=True))
        exact = [None if s.pose is None else q.pose_in_crop(s.pose) for s, q in pairs]
        landmarks = relative_landmarks(samples, rule)
        pose, known = exact_or_fitted(exact, landmarks, scheme), all(e is not None for e in exact)
        return cls(landmarks, pose, scheme, known, tuple(s.identity for s in samples))

    def select(self, chosen: NDArray[np.intp]) -> Annotations:
        """Return the faces at the indices ``chosen`` (k,)."""
        identities = tuple(self.identities[n] for n in chosen) if self.identities else ()
        landmarks, pose = self.landmarks[chosen], self.pose[chosen]
        return replace(self, landmarks=landmarks, pose=pose, identities=identities)

    def nme(self, predicted: FloatArray) -> FloatArray:
        """Return the NME (faces,) of ``predicted`` (faces, n, 2), relative, as a fraction."""
        return nme(predicted, self.landmarks, self.scheme)

    def interval(self, values: FloatArray) -> list[float]:
        """Return the 95 % bootstrap interval [low, high] of the mean of ``values`` (faces,).

        Faces of one identity are drawn together, as in `bootstrap_interval`.
        """
        return list(bootstrap_interval(values, identities=self.identities))


@dataclass(frozen=True)
class AnnotatedCrops:
    """Faces as a network sees them, with their annotations as far as they are known.

    crops : (faces, s, s, 3) uint8 RGB
    landmarks : (faces, n, 2) x, y relative to the crops, None where unknown or of another scheme
    pose : (faces, 3) yaw, pitch, roll in degrees, in the crops, None where unknown
    pose_is_exact, identities : as in `Annotations`

    `DataError` for arrays that do not fit each other or the scheme.
    """

    crops: NDArray[np.uint8]
    scheme: LandmarkScheme
    landmarks: FloatArray | None = None
    pose: FloatArray | None = None
    pose_is_exact: bool = False
    identities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faces = len(self.crops)
        expected = {"landmarks": (faces, self.scheme.points, 2), "pose": (faces, 3)}
        for name, shape in expected.items():
            if (values := getattr(self, name)) is not None:
                _check_shape(name, values, shape)
        _check_identities(self.identities, faces)

    def __len__(self) -> int:
        return len(self.crops)

    @classmethod
    def of(cls, samples: Sequence[Sample], rule: CropRule) -> AnnotatedCrops:
        """Cut ``samples`` by ``rule`` around their landmarks, and label them as `Annotations.of`.

        Where the pose is not needed, `crops_of` and `relative_landmarks` make the parts alone.
        """
        truth, crops = Annotations.of(samples, rule), crops_of(samples, rule)
        facts = truth.landmarks, truth.pose, truth.pose_is_exact, truth.identities
        return cls(crops, truth.scheme, *facts)

    @property
    def annotations(self) -> Annotations | None:
        """Landmarks and pose as one value, None unless both are known."""
        if self.landmarks is None or self.pose is None:
            return None
        exact, identities = self.pose_is_exact, self.identities
        return Annotations(self.landmarks, self.pose, self.scheme, exact, identities)

    def select(self, chosen: NDArray[np.intp]) -> AnnotatedCrops:
        """Return the faces at the indices ``chosen`` (k,)."""
        parts = {name: getattr(self, name) for name in ("crops", "landmarks", "pose")}
        kept: dict[str, Any] = {n: v if v is None else v[chosen] for n, v in parts.items()}
        identities = tuple(self.identities[n] for n in chosen) if self.identities else ()
        return replace(self, **kept, identities=identities)

    def nme(self, predicted: FloatArray) -> FloatArray:
        """Return the NME (faces,) of ``predicted`` (faces, n, 2), relative, as a fraction.

        `DataError` without landmarks.
        """
        if self.landmarks is None:
            raise DataError("the NME needs annotated landmarks", "Give annotated faces")
        return nme(predicted, self.landmarks, self.scheme)


def relative_landmarks(samples: Sequence[Sample], rule: CropRule) -> FloatArray:
    """Return the landmarks (faces, n, 2) of ``samples`` relative to their crops by ``rule``."""
    marks = [sample.landmarks for sample in samples]
    return np.stack([to_relative(transform(m.points, rule.matrix(m)), rule.size) for m in marks])


def crops_of(samples: Sequence[Sample], rule: CropRule) -> NDArray[np.uint8]:
    """Return crops (faces, s, s, 3) uint8 RGB of ``samples`` by ``rule``, around landmarks."""
    crops = [cut(s.load(), rule.matrix(s.landmarks), rule.size)[..., ::-1] for s in samples]
    return np.ascontiguousarray(np.stack(crops))


def _check_shape(name: str, values: FloatArray, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise DataError(f"{name} must be {shape}, got {values.shape}")


def _check_identities(identities: Sequence[str], faces: int) -> None:
    if identities and len(identities) != faces:
        raise DataError(f"expected {faces} identities, got {len(identities)}")
