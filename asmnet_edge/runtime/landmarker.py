"""From a picture to faces: detect, crop, run the network, carry its landmarks back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.crop import cut, from_relative, invert, transform
from asmnet_edge.landmarks import Box, FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.pose import AXES
from asmnet_edge.runtime.backend import Artifact, open_artifact
from asmnet_edge.runtime.detect import Detector, detect_haar
from asmnet_edge.shipped import SHIPPED_INT8, shipped


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    landmarks : in pixels of the picture; pose : (3,) yaw, pitch, roll in degrees, axes as in
    `asmnet_edge.pose`; box : where the detector saw it, as the landmarks' tight box would lie
    """

    landmarks: Landmarks
    pose: FloatArray
    box: Box

    def as_json(self) -> dict[str, Any]:
        box = (self.box.x, self.box.y, self.box.width, self.box.height)
        return {
            "box": [round(v, 2) for v in box],
            "pose": {a: round(float(v), 2) for a, v in zip(AXES, self.pose, strict=True)},
            "landmarks": self.landmarks.points.round(2).tolist(),
        }


@dataclass
class Timings:
    """Milliseconds spent in the stages of one call; ``infer`` over all faces."""

    detect: float = 0.0
    crop: float = 0.0
    infer: float = 0.0


class FaceLandmarker:
    """Finds faces and their landmarks with one artifact.

    refine : cut each face a second time by its own landmarks; costs a second inference and makes up
    for a detector's box that lies badly
    """

    def __init__(
        self, artifact: Artifact, detector: Detector = detect_haar, refine: bool = True
    ) -> None:
        self.artifact = artifact
        self._detector = detector
        self._refine = refine
        self._scheme = artifact.manifest.landmark_scheme
        self._rule = artifact.manifest.crop_rule
        self.timings = Timings()

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        detector: Detector = detect_haar,
        refine: bool = True,
        threads: int = 1,
    ) -> FaceLandmarker:
        """With the artifact at ``path``, or the shipped int8 model."""
        return cls(open_artifact(path or shipped(SHIPPED_INT8), threads), detector, refine)

    def detect(self, picture: Picture) -> list[Face]:
        """The faces of ``picture`` (H, W, 3) uint8 BGR, the largest first."""
        self.timings = Timings()
        start = perf_counter()
        boxes = self._detector(picture)
        self.timings.detect = 1e3 * (perf_counter() - start)
        return [self._face(picture, box) for box in boxes]

    def _face(self, picture: Picture, box: Box) -> Face:
        face = self.landmarks(picture, box)
        if not self._refine:
            return face
        return replace(self.landmarks(picture, face.landmarks.box), box=box)

    def landmarks(self, picture: Picture, box: Box) -> Face:
        """The face whose landmarks' box is about ``box``, in one inference."""
        start = perf_counter()
        matrix = self._rule.matrix(box)
        crop = _as_input(cut(picture, matrix, self._rule.size))
        cropped = perf_counter()
        relative, pose = self.artifact.backend.run(crop)
        self.timings.infer += 1e3 * (perf_counter() - cropped)
        self.timings.crop += 1e3 * (cropped - start)
        points = transform(from_relative(relative, self._rule.size), invert(matrix))
        return Face(Landmarks(points, self._scheme), np.array(pose, np.float64), box)


def _as_input(crop: Picture) -> NDArray[np.uint8]:
    """BGR crop (s, s, 3) -> RGB input (1, s, s, 3)."""
    return np.ascontiguousarray(crop[None, ..., ::-1])
