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
# an artifact that passed on faces may deviate more on patterns; allowed are this factor times the
# deviation at conversion, plus rounding in the units of `Parity`
SLACK, ROUNDING = 1.25, 0.01


@dataclass(frozen=True)
class Fingerprint:
    """Reference that an artifact is compared with.

    landmarks : (patterns, n, 2), pose : (patterns, 3), both of the float model, as the contract has
    them; patterns : SHA-256 of the patterns' pixels
    made, made_saturating : parity with them where it was made, in exact and saturating arithmetic
    """

    landmarks: FloatArray
    pose: FloatArray
    patterns: str
    made: Parity | None = None
    made_saturating: Parity | None = None

    @classmethod
    def of(cls, outputs: tuple[FloatArray, FloatArray], size: int) -> Fingerprint:
        """Return the fingerprint of a float model with ``outputs`` on the patterns of ``size``."""
        return cls(outputs[0].round(DECIMALS), outputs[1].round(DECIMALS), digest(size))

    @classmethod
    def from_manifest(cls, manifest: ArtifactManifest) -> Fingerprint:
        """Read the fingerprint of ``manifest``; `ModelError` if it has none or a damaged one."""
        if not manifest.fingerprint:
            raise ModelError(
                "its manifest carries no fingerprint to compare with",
                "Make it again with this version: asmnet-edge convert",
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
            "made": self.made.as_json() if self.made else None,
            "made_saturating": self.made_saturating.as_json() if self.made_saturating else None,
        }

    def made_in(self, arithmetic: str) -> Parity | None:
        """Parity at conversion in ``arithmetic``; old manifests have only the exact one."""
        return self.made if arithmetic == EXACT else self.made_saturating or self.made

    def compare(
        self, outputs: tuple[FloatArray, FloatArray], scheme: LandmarkScheme, size: int
    ) -> Parity:
        """Compare an artifact's ``outputs`` on the patterns with those of the float model."""
        return compare(outputs, (self.landmarks, self.pose), scheme, size)

    def check(self, found: Parity, arithmetic: str, precision: Precision, name: str) -> None:
        """Raise `CheckFailedError` if ``found`` exceeds the limits and the parity at conversion.

        arithmetic : of ``found``
        """
        made = self.made_in(arithmetic)
        if made is not None and is_near(found, made):
            return
        if arithmetic == EXACT or self.made is None:
            found.check(precision, name)
        else:
            check_saturating(found, self.made, precision, name)


def is_near(found: Parity, made: Parity) -> bool:
    """Whether ``found`` is at most ``made``, with some `SLACK` and `ROUNDING`."""
    pairs = (found.max_px, made.max_px), (found.deviation_iod_percent, made.deviation_iod_percent)
    return all(here <= SLACK * there + ROUNDING for here, there in pairs)


def digest(size: int) -> str:
    """Return the SHA-256 of the patterns' pixels."""
    return hashlib.sha256(patterns(size).tobytes()).hexdigest()
