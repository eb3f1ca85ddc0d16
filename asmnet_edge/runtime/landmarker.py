"""From a picture to faces: detect, crop, run the network, carry its landmarks back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from asmnet_edge.crop import CropRule, from_relative, invert, transform
from asmnet_edge.errors import DataError, ModelError, UsageError
from asmnet_edge.landmarks import Box, FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.pose import AXES
from asmnet_edge.runtime.artifact import Artifact, open_artifact
from asmnet_edge.runtime.cropping import COLOURS, Cropper, three_channels
from asmnet_edge.runtime.detect import detect_haar
from asmnet_edge.runtime.detector import Detector, DetectorOptions, prepare_detector
from asmnet_edge.runtime.plausibility import shipped_plausibility
from asmnet_edge.shipped import SHIPPED_INT8, shipped

FAR = 20.0  # degrees off upright that a refined crop may be before it is cut once more


@dataclass(frozen=True)
class Face:
    """One face of a picture.

    landmarks : in pixels of the picture; pose : (3,) yaw, pitch, roll in degrees, axes as in
    `asmnet_edge.pose`; box : where the detector saw it, as the landmarks' tight box would lie
    quality : 1 to 0, how much its shape is a face's; see `asmnet_edge.runtime.plausibility`
    track : number of the face in a video, the same from picture to picture
    """

    landmarks: Landmarks
    pose: FloatArray
    box: Box
    quality: float = 1.0
    track: int | None = None

    def as_json(self) -> dict[str, Any]:
        box = (self.box.x, self.box.y, self.box.width, self.box.height)
        track = {} if self.track is None else {"track": self.track}
        return {
            **track,
            "box": [round(v, 2) for v in box],
            "quality": round(self.quality, 3),
            "pose": {a: round(float(v), 2) for a, v in zip(AXES, self.pose, strict=True)},
            "landmarks": self.landmarks.points.round(2).tolist(),
        }


@dataclass
class Timings:
    """Milliseconds spent in the stages of one call; all but ``detect`` over all faces.

    infer : in the runtime, ``decode`` : from its output to a `Face`
    """

    detect: float = 0.0
    crop: float = 0.0
    infer: float = 0.0
    decode: float = 0.0


def next_look(rule: CropRule, seen: Sequence[Landmarks]) -> Landmarks | None:
    """The landmarks to cut a face by once more, after looks that saw ``seen``; None: enough of it.

    One look is refined by another. That is refined too where ``rule`` says upright and it shows
    that its own crop was off by more than `FAR` degrees.
    """
    if len(seen) == 1:
        return seen[0]
    if len(seen) > 2 or not rule.upright:
        return None
    before, after = (rule.square(landmarks).rotation for landmarks in seen)
    return seen[-1] if abs((after - before + 180) % 360 - 180) > FAR else None


class FaceLandmarker:
    """Finds faces and their landmarks with one artifact.

    refine : cut each face a second time by its own landmarks; costs a second inference and makes up
    for a detector's box that lies badly. Where the network expects faces upright, one whose second
    crop turns out to be off by more than `FAR` degrees, as of a head on its side, is cut once more
    colour : order of the pictures' channels, bgr or rgb
    """

    def __init__(
        self,
        artifact: Artifact,
        detector: Detector = detect_haar,
        refine: bool = True,
        colour: str = "bgr",
    ) -> None:
        if colour not in COLOURS:
            raise UsageError(f"no colour order {colour!r}", f"Known: {', '.join(COLOURS)}")
        self.artifact = artifact
        self.detector = detector
        self._colour, self._refine = colour, refine
        self._scheme = artifact.manifest.landmark_scheme
        self._rule = artifact.manifest.crop_rule
        self._cropper = Cropper(self._rule, colour)
        self._to_ibug68 = list(self._scheme.to_ibug68)
        self.timings = Timings()

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        detector: str | Detector = "haar",
        refine: bool = True,
        threads: int = 1,
        colour: str = "bgr",
        trust: bool = False,
    ) -> FaceLandmarker:
        """Open the artifact at ``path``, or the shipped int8 model; see `open_artifact`.

        detector : a name of `asmnet_edge.runtime.detector.DETECTORS`, or a function; by its name it
        is opened for the crop rule of the artifact
        """
        artifact = open_artifact(Path(path or shipped(SHIPPED_INT8)), threads, trust)
        if isinstance(detector, str):
            options = DetectorOptions(margin=artifact.manifest.crop_rule.margin)
            detector = prepare_detector(detector, options)()
        return cls(artifact, detector, refine, colour)

    def detect(self, picture: Picture) -> list[Face]:
        """The faces of ``picture``, (H, W, 3) uint8 in our colour order or grey, largest first."""
        self.timings = Timings()
        picture = three_channels(picture)
        return self.faces_in(picture, self.boxes(picture))

    def boxes(self, picture: Picture) -> Sequence[Box]:
        """Where the detector sees faces in ``picture`` (H, W, 3), largest first."""
        start = perf_counter()
        seen = picture if self._colour == "bgr" else picture[..., ::-1]
        boxes = self.detector(np.ascontiguousarray(seen))
        self.timings.detect += 1e3 * (perf_counter() - start)
        return boxes

    def faces_in(self, picture: Picture, boxes: Sequence[Box]) -> list[Face]:
        """A face for each of ``boxes``, refined if that was asked for."""
        return [self._face(picture, box) for box in boxes]

    def _face(self, picture: Picture, box: Box) -> Face:
        face = self.landmarks(picture, box)
        seen = [face.landmarks]
        while self._refine and (where := next_look(self._rule, seen)):
            face = self.landmarks(picture, where)
            seen.append(face.landmarks)
        return replace(face, box=box)

    def landmarks(self, picture: Picture, where: Box | Landmarks) -> Face:
        """The face of ``picture`` (H, W, 3) that lies about ``where``: one inference.

        where : a box that a detector found, or the face's last landmarks, whose crop is turned
        upright if the network expects that; landmarks and pose are those in the picture either way
        `ModelError` when the network answers with what are no landmarks.
        """
        start = perf_counter()
        square = self._rule.square(where)
        matrix = square.matrix(self._rule.size)
        crop = self._cropper.cut(picture, matrix)
        cropped = perf_counter()
        relative, pose = self.artifact.backend.run(crop)
        ran = perf_counter()
        points = transform(from_relative(relative, self._rule.size), invert(matrix))
        pose = square.pose_in_picture(np.array(pose, np.float64))
        face = self._decoded(points, pose, where.box if isinstance(where, Landmarks) else where)
        self.timings.crop += 1e3 * (cropped - start)
        self.timings.infer += 1e3 * (ran - cropped)
        self.timings.decode += 1e3 * (perf_counter() - ran)
        return face

    def _decoded(self, points: FloatArray, pose: FloatArray, box: Box) -> Face:
        try:
            landmarks = Landmarks(points, self._scheme)
            landmarks.box  # noqa: B018  raises if all points are one
        except DataError as error:
            raise ModelError(
                f"{self.artifact.path} does not give landmarks: {error}",
                "Check it with: asmnet-edge verify",
            ) from error
        return Face(landmarks, pose, box, self._quality(landmarks.points))

    def _quality(self, points: FloatArray) -> float:
        if len(self._to_ibug68) != 68:
            return 1.0  # a scheme of which no shapes are known
        known = points if len(points) == 68 else points[self._to_ibug68]
        return shipped_plausibility().quality(known)
