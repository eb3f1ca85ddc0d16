"""Fingerprint: outputs of the float model on test patterns, stored in every artifact.

A machine with the artifact's runtime checks it without the float model and without faces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from asmnet_edge.converters.checks.arithmetic import EXACT
from asmnet_edge.converters.checks.parity import Parity, check_saturating, compare
from asmnet_edge.converters.checks.patterns import patterns
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.manifest import ArtifactManifest, Precision

DECIMALS = 6  # 0.0002 px of a crop of 224
# an artifact that passed on faces may deviate more on patterns: up to this factor times the
# deviation at conversion, plus rounding in the units of `Parity`
SLACK, ROUNDING = 1.25, 0.01


@dataclass(frozen=True)
class Fingerprint:
    """Reference that an artifact is compared with.

    landmarks : (patterns, n, 2), pose : (patterns, 3), both of the float model, as the contract has
    them; patterns : SHA-256 of the patterns' pixels
    parity, parity_saturating : of the artifact at conversion, in exact and saturating arithmetic
    """

    landmarks: FloatArray
    pose: FloatArray
    patterns: str
    parity: Parity | None = None
    parity_saturating: Parity | None = None

    @classmethod
    def of(cls, outputs: tuple[FloatArray, FloatArray], size: int) -> Fingerprint:
        """Return the fingerprint of a float model with ``outputs`` on the patterns of ``size``."""
        return cls(outputs[0].round(DECIMALS), outputs[1].round(DECIMALS), digest(size))

    @classmethod
    def from_manifest(cls, manifest: ArtifactManifest) -> Fingerprint:
        """Read the fingerprint of ``manifest``; `ModelError` if it has none or a damaged one."""
        if not manifest.fingerprint:
            raise ModelError(
                "its manifest has no fingerprint to compare with",
                "Convert again with this version: asmnet-edge convert",
            )
        try:
            return cls.from_json(manifest.fingerprint, manifest.landmark_scheme)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"its manifest's fingerprint is damaged: {error}") from error

    @classmethod
    def from_json(cls, content: Mapping[str, Any], scheme: LandmarkScheme) -> Fingerprint:
        landmarks, pose = (np.array(content[name], np.float64) for name in ("landmarks", "pose"))
        if landmarks.shape != (len(pose), scheme.points, 2) or pose.shape != (len(landmarks), 3):
            raise ValueError(f"got landmarks {landmarks.shape} and pose {pose.shape}")
        saturating = content.get("made_saturating")
        return cls(
            landmarks,
            pose,
            str(content["patterns"]),
            Parity(**content["made"]),
            Parity(**saturating) if saturating else None,
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "patterns": self.patterns,
            "landmarks": self.landmarks.tolist(),
            "pose": self.pose.tolist(),
            "made": self.parity.as_json() if self.parity else None,
            "made_saturating": (
                self.parity_saturating.as_json() if self.parity_saturating else None
            ),
        }

    def parity_in(self, arithmetic: str) -> Parity | None:
        """Return the parity at conversion; old manifests have only that in exact arithmetic."""
        return self.parity if arithmetic == EXACT else self.parity_saturating or self.parity

    def compare(
        self, outputs: tuple[FloatArray, FloatArray], scheme: LandmarkScheme, size: int
    ) -> Parity:
        """Compare an artifact's ``outputs`` on the patterns with those of the float model."""
        return compare(outputs, (self.landmarks, self.pose), scheme, size)

    def check(self, found: Parity, arithmetic: str, precision: Precision, name: str) -> None:
        """Raise `CheckFailedError` if ``found`` exceeds the limits and the parity at conversion.

        arithmetic : of ``found``
        """
        original = self.parity_in(arithmetic)
        if original is not None and is_near(found, original):
            return
        if arithmetic == EXACT or self.parity is None:
            found.check(precision, name)
        else:
            check_saturating(found, self.parity, precision, name)


def is_near(found: Parity, original: Parity) -> bool:
    """Whether ``found`` is at most ``original``, with some `SLACK` and `ROUNDING`."""
    pairs = (
        (found.max_px, original.max_px),
        (found.deviation_iod_percent, original.deviation_iod_percent),
    )
    return all(here <= SLACK * there + ROUNDING for here, there in pairs)


def digest(size: int) -> str:
    """Return the SHA-256 of the patterns' pixels."""
    return hashlib.sha256(patterns(size).tobytes()).hexdigest()
