"""From an image to faces: detect, crop, run the network, map its landmarks back.

`FaceLandmarker.landmarks` is where a crop of a frame becomes landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import cv2
import numpy as np

from asmnet_edge.errors import DataError, ModelError, PictureError, UsageError
from asmnet_edge.geometry.crop import CropRule, cut, from_relative, invert, transform
from asmnet_edge.geometry.landmarks import Box, FloatArray, Landmarks
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.backends.backend import Crop, InferenceBackend
from asmnet_edge.runtime.detector import Detector, DetectorOptions, prepare_detector
from asmnet_edge.runtime.haar import detect_haar
from asmnet_edge.runtime.plausibility import shipped_plausibility

COLOURS = ("bgr", "rgb")
FAR = 20.0  # degrees between two crops of an upright rule from which on a third is cut


class LandmarkModel(Protocol):
    """Protocol of a loaded network that a landmarker can run, such as an `Artifact`.

    path : for errors; crop_rule : by which its crops are cut; landmark_scheme : of its landmarks
    backend : runs one crop
    """

    @property
    def path(self) -> Path: ...
    @property
    def crop_rule(self) -> CropRule: ...
    @property
    def landmark_scheme(self) -> LandmarkScheme: ...
    @property
    def backend(self) -> InferenceBackend: ...


@dataclass(frozen=True)
class Face:
    """One face of an image.

    landmarks : points (n, 2) float64, x, y in pixels of the image
    pose : (3,) float64 yaw, pitch, roll in degrees, positive when the nose points to the image's
    right, when it points up, and when the head is tilted clockwise
    box : from the detector, placed as the tight box of the landmarks would be
    quality : 0 to 1, how plausible its shape is; one real face in 200 is below 0.5
    track : number of the face in a stream, the same from frame to frame; None in a single image
    """

    landmarks: Landmarks
    pose: FloatArray
    box: Box
    quality: float = 1.0
    track: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the face as JSON can hold it, rounded to hundredths of a pixel and degree."""
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
    """Milliseconds spent in the stages of one call, summed over its faces.

    infer : in the runtime; decode : from its output to a `Face`
    """

    detect: float = 0.0
    crop: float = 0.0
    infer: float = 0.0
    decode: float = 0.0


def three_channels(picture: Picture) -> Picture:
    """Return ``picture`` as (H, W, 3): grey (H, W) or (H, W, 1) repeated, a fourth channel dropped.

    `PictureError` if it is no uint8 image.
    """
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.size == 0:
        raise PictureError(f"a picture must be (H, W, 3) uint8, got {_described(picture)}")
    if picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1):
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    if picture.ndim != 3 or picture.shape[2] not in (3, 4):
        raise PictureError(f"a picture must be (H, W, 3) uint8, got {_described(picture)}")
    return picture if picture.shape[2] == 3 else np.ascontiguousarray(picture[..., :3])


def _described(picture: object) -> str:
    if isinstance(picture, np.ndarray):
        return f"{picture.shape} {picture.dtype}"
    return type(picture).__name__


class Cropper:
    """Cuts crops by a rule; each call overwrites the previous crop.

    colour : order of the images' channels, bgr or rgb
    """

    def __init__(self, rule: CropRule, colour: str = "bgr") -> None:
        self._rule, self._swap = rule, colour == "bgr"
        self._cut = np.empty((rule.size, rule.size, 3), np.uint8)
        self._input = np.empty((1, rule.size, rule.size, 3), np.uint8)

    def cut(self, picture: Picture, matrix: FloatArray) -> Crop:
        """Return the input (1, s, s, 3) uint8 RGB that ``matrix`` maps ``picture`` (H, W, 3) to."""
        if not self._swap:
            cut(picture, matrix, self._rule.size, self._input[0])
            return self._input
        cut(picture, matrix, self._rule.size, self._cut)
        cv2.cvtColor(self._cut, cv2.COLOR_BGR2RGB, dst=self._input[0])
        return self._input


def next_crop(rule: CropRule, seen: Sequence[Landmarks]) -> Landmarks | None:
    """Return the landmarks by which to crop a face again; None when it is refined enough.

    seen : landmarks of each crop so far
    The first crop is followed by a second one. A third one follows where ``rule`` is upright and
    the second crop turned out to be off by more than `FAR` degrees.
    """
    if len(seen) == 1:
        return seen[0]
    if len(seen) > 2 or not rule.upright:
        return None
    before, after = (rule.square(landmarks).rotation for landmarks in seen)
    return seen[-1] if abs((after - before + 180) % 360 - 180) > FAR else None


class FaceLandmarker:
    """Finds faces and their landmarks with one artifact; use one instance in one thread.

    artifact : an opened artifact, or another `LandmarkModel`
    detector : function of an image (H, W, 3) BGR that returns boxes
    refine : crop each face a second time by its own landmarks, see `next_crop`; costs an inference
    and makes up for an inaccurate box
    colour : order of the images' channels, bgr or rgb
    timings : of the last call
    """

    def __init__(
        self,
        artifact: LandmarkModel,
        detector: Detector = detect_haar,
        refine: bool = True,
        colour: str = "bgr",
    ) -> None:
        if colour not in COLOURS:
            raise UsageError(f"no colour order {colour!r}", f"Known: {', '.join(COLOURS)}")
        self.artifact = artifact
        self.detector = detector
        self._colour, self._refine = colour, refine
        self._scheme = artifact.landmark_scheme
        self._rule = artifact.crop_rule
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
            options = DetectorOptions(margin=artifact.crop_rule.margin)
            detector = prepare_detector(detector, options)()
        return cls(artifact, detector, refine, colour)

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces of ``picture``, (H, W, 3) uint8 or grey (H, W), largest first."""
        self.timings = Timings()
        picture = three_channels(picture)
        return self.faces_in(picture, self.boxes(picture))

    def boxes(self, picture: Picture) -> Sequence[Box]:
        """Return the detector's boxes in ``picture`` (H, W, 3), largest first."""
        start = perf_counter()
        seen = picture if self._colour == "bgr" else picture[..., ::-1]
        boxes = self.detector(np.ascontiguousarray(seen))
        self.timings.detect += 1e3 * (perf_counter() - start)
        return boxes

    def faces_in(self, picture: Picture, boxes: Sequence[Box]) -> list[Face]:
        """Return a face for each of ``boxes``, refined if the landmarker does so."""
        return [self._face(picture, box) for box in boxes]

    def _face(self, picture: Picture, box: Box) -> Face:
        face = self.landmarks(picture, box)
        seen = [face.landmarks]
        while self._refine and (where := next_crop(self._rule, seen)):
            face = self.landmarks(picture, where)
            seen.append(face.landmarks)
        return replace(face, box=box)

    def landmarks(self, picture: Picture, where: Box | Landmarks) -> Face:
        """Run the network once on the face of ``picture`` (H, W, 3) at ``where``.

        where : a detector's box, or the face's previous landmarks, by which an upright rule turns
        the crop; landmarks and pose of the result refer to ``picture`` either way
        `ModelError` when the network's output cannot be landmarks.
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
            return 1.0  # a scheme without a map to iBUG's 68 points
        known = points if len(points) == 68 else points[self._to_ibug68]
        return shipped_plausibility().quality(known)
