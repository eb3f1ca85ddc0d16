"""Crops of annotated faces, as a network sees them."""

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
from asmnet_edge.geometry.metrics import nme
from asmnet_edge.geometry.pose import exact_or_fitted
from asmnet_edge.geometry.schemes import LandmarkScheme


@dataclass(frozen=True)
class AnnotatedCrops:
    """Faces as a network sees them, with their annotations.

    crops : (faces, s, s, 3) uint8 RGB; landmarks : (faces, n, 2) relative to the crops, None where
    they are unknown or of another scheme; pose : (faces, 3) degrees in the crops, None if unknown
    identities : (faces,) as in `Sample`, or empty. `DataError` for arrays that do not fit.
    """

    crops: NDArray[np.uint8]
    scheme: LandmarkScheme
    landmarks: FloatArray | None = None
    pose: FloatArray | None = None
    identities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        faces = len(self.crops)
        expected = {"landmarks": (faces, self.scheme.points, 2), "pose": (faces, 3)}
        for name, shape in expected.items():
            values = getattr(self, name)
            if values is not None and values.shape != shape:
                raise DataError(f"{name} must be {shape}, got {values.shape}")
        if self.identities and len(self.identities) != faces:
            raise DataError(f"expected {faces} identities, got {len(self.identities)}")

    def __len__(self) -> int:
        return len(self.crops)

    @classmethod
    def of(cls, samples: Sequence[Sample], rule: CropRule) -> AnnotatedCrops:
        """Cut ``samples`` by ``rule`` around their landmarks; pose is exact, else fitted."""
        scheme, squares = samples[0].landmarks.scheme, [rule.square(s.landmarks) for s in samples]
        pairs = list(zip(samples, squares, strict=True))
        points = [transform(s.landmarks.points, q.matrix(rule.size)) for s, q in pairs]
        landmarks = to_relative(np.stack(points), rule.size)
        exact = [None if s.pose is None else q.pose_in_crop(s.pose) for s, q in pairs]
        pose = exact_or_fitted(exact, landmarks, scheme)
        identities = tuple(sample.identity for sample in samples)
        return cls(crops_of(samples, rule), scheme, landmarks, pose, identities)

    def select(self, chosen: NDArray[np.intp]) -> AnnotatedCrops:
        """Return the faces at the indices ``chosen`` (k,)."""
        parts = {name: getattr(self, name) for name in ("crops", "landmarks", "pose")}
        kept: dict[str, Any] = {n: v if v is None else v[chosen] for n, v in parts.items()}
        identities = tuple(self.identities[n] for n in chosen) if self.identities else ()
        return replace(self, **kept, identities=identities)

    def nme(self, predicted: FloatArray) -> FloatArray:
        """Return the NME (faces,) of ``predicted`` (faces, n, 2) as a fraction.

        `DataError` without landmarks.
        """
        if self.landmarks is None:
            raise DataError("the NME needs annotated landmarks", "Give annotated faces")
        return nme(predicted, self.landmarks, self.scheme)


def crops_of(samples: Sequence[Sample], rule: CropRule) -> NDArray[np.uint8]:
    """Return crops (faces, s, s, 3) uint8 RGB of ``samples`` by ``rule``, around landmarks."""
    crops = [cut(s.load(), rule.matrix(s.landmarks), rule.size)[..., ::-1] for s in samples]
    return np.ascontiguousarray(np.stack(crops))
