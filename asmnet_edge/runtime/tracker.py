"""Tracking of faces from frame to frame: detected rarely, followed by their previous landmarks.

Landmarks and pose are smoothed by the One-Euro filter, strongly while a face is at rest and with
little delay when it moves (Casiez, Roussel, Vogel, "1 Euro Filter: A Simple Speed-based Low-pass
Filter for Noisy Input in Interactive Systems", CHI 2012).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter

import numpy as np

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.landmarks import Box, FloatArray, Landmarks
from asmnet_edge.io.images import Picture
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker, Timings, three_channels
from asmnet_edge.runtime.plausibility import PLAUSIBLE


@dataclass(frozen=True)
class Smoothing:
    """Parameters of the One-Euro filter.

    cutoff : cut-off frequency at rest, in Hz; slope : Hz more for each unit per second of speed
    speed_cutoff : cut-off frequency of the speed itself, in Hz
    period : of values that wrap around, such as 360 for angles in degrees; None for others
    """

    cutoff: float = 1.5
    slope: float = 8.0
    speed_cutoff: float = 1.0
    period: float | None = None

    def __post_init__(self) -> None:
        if not (self.cutoff > 0 and self.slope >= 0 and self.speed_cutoff > 0):
            raise UsageError(f"smoothing needs positive frequencies, got {self}")

    def whole_periods(self, value: FloatArray) -> FloatArray | float:
        """Return the whole periods nearest to ``value``, to be subtracted from it."""
        return self.period * np.round(value / self.period) if self.period else 0.0


LANDMARKS = Smoothing()  # unit: the longer side of the face
POSE = Smoothing(cutoff=1.0, slope=0.08, period=360.0)  # unit: degrees


class OneEuro:
    """The filter's state for one array of values of a fixed shape."""

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._value: FloatArray | None = None
        self._speed: FloatArray | None = None
        self._seconds = 0.0

    def __call__(self, value: FloatArray, seconds: float, unit: float = 1.0) -> FloatArray:
        """Return ``value``, taken at ``seconds``, smoothed by the previous values.

        unit : of ``value`` in which the speed is measured
        A time that is not later than the previous one restarts the filter.
        """
        step = seconds - self._seconds
        before, speed = self._value, self._speed
        self._seconds = seconds
        if before is None or speed is None or step <= 0:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        s = self._smoothing
        value = value - s.whole_periods(value - before)
        speed = speed + _share(s.speed_cutoff, step) * ((value - before) / (unit * step) - speed)
        share = _share(s.cutoff + s.slope * np.abs(speed), step)
        self._speed, self._value = speed, before + share * (value - before)
        return self._value - s.whole_periods(self._value)


def _share(cutoff: FloatArray | float, step: float) -> FloatArray | float:
    """Return the weight of a new value: 1 / (1 + tau / step), tau = 1 / (2 pi f)."""
    turns = 2 * np.pi * step * cutoff
    return turns / (1 + turns)


# Tracking


@dataclass(frozen=True)
class TrackingRule:
    """When the detector runs, and when a track ends.

    faces : most faces followed; idle : seconds between detections while none is followed
    search : seconds between detections while some, but fewer than ``faces``, are followed
    check : seconds between detections while ``faces`` are followed
    unseen : detections in a row without a box where a face is followed, after which a face found
    elsewhere may replace it; until then it may be turned away from the detector
    quality : lowest quality of a face; misses : frames in a row below it, after which it is lost
    smallest : longer side of the smallest face in pixels
    overlap : intersection over union from which on two boxes are one face
    """

    faces: int = 1
    idle: float = 0.1
    search: float = 1.0
    check: float = 5.0
    unseen: int = 3
    quality: float = PLAUSIBLE
    misses: int = 3
    smallest: float = 16.0
    overlap: float = 0.5

    def __post_init__(self) -> None:
        least = min(self.faces, self.misses, self.unseen)
        if least < 1 or min(self.idle, self.search, self.check) < 0:
            raise UsageError(f"tracking needs at least one face, miss and detection, got {self}")


@dataclass
class _Track:
    number: int
    landmarks: Landmarks
    misses: int = 0
    unseen: int = 0
    smooth_points: OneEuro = field(default_factory=lambda: OneEuro(LANDMARKS))
    smooth_pose: OneEuro = field(default_factory=lambda: OneEuro(POSE))

    @property
    def box(self) -> Box:
        return self.landmarks.box


class FaceTracker:
    """Follows the faces of a stream with one landmarker.

    A face is cropped by its landmarks in the previous frame, turned by their tilt if the network
    expects upright faces. It is missed when the landmarks found there do not have the shape of a
    face (`Face.quality`), when it is too small, or when its centre has left the frame.

    smooth : filter landmarks and pose from frame to frame
    timings : of the last frame, as the landmarker's; smooth_ms : milliseconds of smoothing in it
    """

    def __init__(
        self, landmarker: FaceLandmarker, rule: TrackingRule | None = None, smooth: bool = True
    ) -> None:
        self.landmarker, self.rule = landmarker, rule or TrackingRule()
        self._smooth = smooth
        self._tracks: list[_Track] = []
        self._numbers = count(1)
        self._detected: float | None = None
        self.smooth_ms = 0.0

    @property
    def timings(self) -> Timings:
        return self.landmarker.timings

    def forget(self) -> None:
        """End all tracks, as after a pause: the next frame may show something else."""
        self._tracks, self._detected = [], None

    def update(self, picture: Picture, seconds: float) -> list[Face]:
        """Return the faces of ``picture`` (H, W, 3), taken at ``seconds``, oldest track first.

        A face that is missed in this frame is not among them, even while its track is kept.
        """
        self.landmarker.timings, self.smooth_ms = Timings(), 0.0
        picture = three_channels(picture)
        faces = [f for t in self._tracks if (f := self._follow(t, picture, seconds))]
        self._tracks = [track for track in self._tracks if track.misses < self.rule.misses]
        if self._should_detect(seconds):
            self._detected = seconds
            faces += self._detect(picture, seconds)
        followed = {track.number for track in self._tracks}
        return [face for face in faces if face.track in followed]

    def _should_detect(self, seconds: float) -> bool:
        pause = self.rule.search if self._tracks else self.rule.idle
        pause = pause if self._has_room() else self.rule.check
        since = None if self._detected is None else seconds - self._detected
        return since is None or since < 0 or since >= pause

    def _detect(self, picture: Picture, seconds: float) -> list[Face]:
        """Detect faces that are not followed yet, as many as there is room for."""
        found = []
        boxes = self.landmarker.boxes(picture)
        for track in self._tracks:
            seen = any(self._are_one(track.box, box) for box in boxes)
            track.unseen = 0 if seen else track.unseen + 1
        for box in boxes:
            if (self._has_room() or self._least_seen()) and not self._is_followed(box):
                (face,) = self.landmarker.faces_in(picture, [box])
                if self._is_face(face, picture) and not self._is_followed(face.landmarks.box):
                    found.append(self._result(self._new_track(face.landmarks), face, seconds))
        return found

    def _has_room(self) -> bool:
        return len(self._tracks) < self.rule.faces

    def _least_seen(self) -> _Track | None:
        """Return the track unseen by the most detections, if they are enough to replace it."""
        track = max(self._tracks, key=lambda track: track.unseen)
        return track if track.unseen >= self.rule.unseen else None

    def _new_track(self, landmarks: Landmarks) -> _Track:
        """Start a track; without room it replaces the least seen one."""
        if not self._has_room():
            self._tracks = [t for t in self._tracks if t is not self._least_seen()]
        track = _Track(next(self._numbers), landmarks)
        self._tracks.append(track)
        return track

    def _follow(self, track: _Track, picture: Picture, seconds: float) -> Face | None:
        face = self.landmarker.landmarks(picture, track.landmarks)
        if not self._is_face(face, picture) or self._is_taken(track, face.landmarks.box):
            track.misses += 1
            return None
        track.misses, track.landmarks = 0, face.landmarks
        return self._result(track, face, seconds)

    def _is_face(self, face: Face, picture: Picture) -> bool:
        box, (height, width) = face.landmarks.box, picture.shape[:2]
        x, y = box.centre
        within = 0 <= x < width and 0 <= y < height
        large = max(box.width, box.height) >= self.rule.smallest
        return within and large and face.quality >= self.rule.quality

    def _is_taken(self, track: _Track, box: Box) -> bool:
        """Return whether an older track follows this face: then two tracks have merged."""
        older = [t for t in self._tracks if t.number < track.number and not t.misses]
        return any(overlap(t.box, box) > self.rule.overlap for t in older)

    def _is_followed(self, box: Box) -> bool:
        return any(self._are_one(track.box, box) for track in self._tracks)

    def _are_one(self, one: Box, other: Box) -> bool:
        """Return whether a followed and a detected face are one; detectors' boxes are inexact."""
        return overlap(one, other) > self.rule.overlap / 2

    def _result(self, track: _Track, face: Face, seconds: float) -> Face:
        if not self._smooth:
            return replace(face, box=face.landmarks.box, track=track.number)
        start = perf_counter()
        unit = max(track.box.width, track.box.height)
        points = track.smooth_points(face.landmarks.points, seconds, unit)
        pose = track.smooth_pose(face.pose, seconds)
        smoothed = Landmarks(points, face.landmarks.scheme)
        self.smooth_ms += 1e3 * (perf_counter() - start)
        return Face(smoothed, pose, smoothed.box, face.quality, track.number)


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)
