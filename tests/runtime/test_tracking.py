"""Tracking: faces are detected rarely, followed in each frame, and dropped when they are gone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.crop import crop_matrix, cut, to_relative, transform
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.geometry.metrics import nme
from asmnet_edge.geometry.pose import in_plane_roll
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.manifest import ArtifactManifest
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.artifact import Artifact
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.runtime.plausibility import shipped_plausibility
from asmnet_edge.runtime.tracker import FaceTracker, TrackingRule, overlap

SHAPE = shipped_plausibility().mean.reshape(68, 2)
SHAPE = SHAPE / np.ptp(SHAPE, axis=0).max()  # of width 1, about its centre of gravity
RATE = 30


class Scene:
    """Bright dots on grey, each the middle of a face; and the number of detections."""

    def __init__(self) -> None:
        self.places: list[tuple[float, float]] = []
        self.detections = 0

    def detect(self, picture: np.ndarray) -> list[Box]:
        self.detections += 1
        return [Box(x - 40, y - 40, 80, 80) for x, y in self.places]

    def picture(self, draw_dot: Callable) -> np.ndarray:
        pictures = [draw_dot(place, 240, 320, 4.0) for place in self.places]
        return np.maximum.reduce([np.full((240, 320, 3), 128, np.uint8), *pictures])


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def tracker(scene: Scene, manifest: ArtifactManifest, find_dot: Callable) -> Callable:
    """A tracker whose network finds a face about the brightest dot of its crop, else no shape."""

    class Network:
        name = "dots 1.0"

        def run(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            grid = np.stack(np.meshgrid(np.linspace(0, 1, 17), np.linspace(0, 1, 4)), -1)
            points = grid.reshape(68, 2)
            if crop.max() > 160:
                points = to_relative(find_dot(crop[0]), 64) + 0.8 * SHAPE
            return points.astype(np.float32), np.zeros(3, np.float32)

    def make(smooth: bool = False, **rule: object) -> FaceTracker:
        artifact = Artifact(Path("fake"), manifest, Network())
        landmarker = FaceLandmarker(artifact, scene.detect, refine=False)
        return FaceTracker(landmarker, TrackingRule(**rule), smooth)

    return make


def test_a_moving_face_is_followed_without_detection(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    for number in range(40):
        scene.places = [(80 + 4 * number, 120)]
        (face,) = follow.update(scene.picture(draw_dot), number / RATE)
        assert face.landmarks.points.mean(axis=0)[0] == pytest.approx(80 + 4 * number, abs=3)
        assert face.track == 1
    assert scene.detections == 1


def test_a_lost_face_disappears_at_once_and_is_found_again(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    seen = []
    for number in range(60):
        scene.places = [] if 20 <= number < 40 else [(100, 120)]
        seen.append([face.track for face in follow.update(scene.picture(draw_dot), number / RATE)])
    assert seen[:20] == [[1]] * 20
    assert seen[20:40] == [[]] * 20
    assert seen[43:] == [[2]] * 17  # at most 0.1 s later


def test_a_face_that_is_hidden_for_two_frames_keeps_its_number(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    for number in range(20):
        scene.places = [] if number in (10, 11) else [(100, 120)]
        faces = follow.update(scene.picture(draw_dot), number / RATE)
        assert [face.track for face in faces] == ([] if number in (10, 11) else [1])


def test_the_track_of_a_face_that_leaves_the_picture_ends(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    for number in range(30):
        scene.places = [(300 + number, 120)]
        faces = follow.update(scene.picture(draw_dot), number / RATE)
    assert faces == []


def test_while_there_is_no_face_detection_runs_ten_times_a_second(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    for number in range(300):
        follow.update(scene.picture(draw_dot), number / 100)
    assert 25 <= scene.detections <= 31


def test_further_faces_are_detected_once_a_second(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker(faces=3)
    scene.places = [(60, 120)]
    for number in range(90):
        if number == 45:
            scene.places = [(60, 120), (240, 120)]
        faces = follow.update(scene.picture(draw_dot), number / RATE)
    assert [face.track for face in faces] == [1, 2]
    assert scene.detections == 3


def test_two_tracks_on_one_face_become_one(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker(faces=2)
    for number in range(60):
        scene.places = [(100, 120), (max(100, 220 - 3 * number), 120)]
        faces = follow.update(scene.picture(draw_dot), number / RATE)
    assert [face.track for face in faces] == [1]


def test_a_false_detection_is_replaced_by_a_face(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    scene.places = [(60, 120)]  # on the background: the network sees a face there for ever
    background = scene.picture(draw_dot)
    follow.update(background, 0.0)
    tracks = []
    for second in range(1, 40):
        scene.places = [(240, 120)]  # a second person sits down
        picture = np.maximum(background, scene.picture(draw_dot))
        tracks.append([face.track for face in follow.update(picture, second)])
    assert tracks[0] == [1]
    assert tracks == [[1]] * tracks.count([1]) + [[2]] * tracks.count([2])
    assert tracks[16:] == [[2]] * 23  # after three detections that did not find the first
    assert scene.detections <= 10


def test_a_face_that_is_turned_away_is_kept_while_no_other_is_seen(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    scene.places = [(60, 120)]
    picture = scene.picture(draw_dot)
    follow.update(picture, 0.0)
    scene.places = []  # the detector knows frontal faces only
    for second in range(1, 60):
        (face,) = follow.update(picture, second)
        assert face.track == 1
    scene.places = [(240, 120)]  # a hit on the background, where the network sees no face
    for second in range(60, 120):
        (face,) = follow.update(picture, second)
        assert face.track == 1


@pytest.mark.parametrize("smooth", [False, True])
def test_the_box_is_that_of_the_landmarks(
    tracker: Callable, scene: Scene, draw_dot: Callable, smooth: bool
) -> None:
    follow = tracker(smooth)
    for number in range(4):
        scene.places = [(100 + 9 * number, 120)]
        (face,) = follow.update(scene.picture(draw_dot), number / RATE)
        assert face.box == face.landmarks.box


def test_a_detection_without_a_face_is_rejected(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    empty = scene.picture(draw_dot)
    scene.places = [(100, 120)]  # as the detector reports
    assert follow.update(empty, 0.0) == []


def test_smoothing_steadies_a_face_at_rest(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    rng = np.random.default_rng(0)
    places = [(100 + rng.normal(0, 1), 120 + rng.normal(0, 1)) for _ in range(60)]
    paths = []
    for smooth in (False, True):
        follow, path = tracker(smooth), []
        for number, place in enumerate(places):
            scene.places = [place]
            (face,) = follow.update(scene.picture(draw_dot), number / RATE)
            path.append(face.landmarks.points.mean(axis=0))
        paths.append(np.array(path)[10:].std(axis=0).mean())
    assert paths[1] < 0.6 * paths[0]


def test_a_forgotten_face_is_detected_again(
    tracker: Callable, scene: Scene, draw_dot: Callable
) -> None:
    follow = tracker()
    scene.places = [(100, 120)]
    follow.update(scene.picture(draw_dot), 0.0)
    follow.forget()
    (face,) = follow.update(scene.picture(draw_dot), 0.01)
    assert (face.track, scene.detections) == (2, 2)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(Box(0, 0, 2, 2), Box(1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 2, 2), Box(5, 5, 1, 1)) == 0


def test_at_least_one_face_is_followed() -> None:
    with pytest.raises(UsageError, match="at least one face"):
        TrackingRule(faces=0)


# faces that turn


class TurningFace:
    """A face whose chin and forehead are two spots, and a network that knows it near upright.

    Tilted by more than 40 degrees in its crop, the network takes it for an upright one.
    """

    name = "spots 1.0"
    forehead, chin = np.array([0.0, -0.4]), np.array([0.0, 0.4])  # in widths of the face

    def picture(self, degrees: float) -> np.ndarray:
        """The face, 80 pixels wide, in the middle of a grey picture (240, 320, 3) BGR."""
        picture = np.full((240, 320, 3), 128, np.uint8)
        spots = 80 * np.stack([self.forehead, self.chin])
        places = transform(spots, crop_matrix((0, 0), 1, 1, degrees)) + [160, 120]
        for place, colour in zip(places, ((0, 0, 255), (255, 0, 0)), strict=True):
            centre = tuple((16 * place).round().astype(int).tolist())
            cv2.circle(picture, centre, 16 * 6, colour, -1, cv2.LINE_AA, 4)
        return picture

    def run(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shown = crop[0].astype(float)
        red, blue = (self._middle(shown[..., a] - shown[..., b]) for a, b in ((0, 2), (2, 0)))
        x, y = blue - red
        roll = np.rad2deg(np.arctan2(-x, y))
        roll = float(roll) if abs(roll) <= 40 else 0.0
        turn = crop_matrix((0, 0), 1, 1, roll)
        points = (red + blue) / 2 + np.hypot(x, y) / 0.8 * transform(SHAPE, turn)
        return to_relative(points, 64).astype(np.float32), np.array([0, 0, roll], np.float32)

    def _middle(self, weight: np.ndarray) -> np.ndarray:
        weight = weight.clip(0)
        rows, columns = np.indices(weight.shape)
        return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def turns_on(before: float, after: float) -> float:
    return (after - before + 180) % 360 - 180


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("upright", [False, True])
def test_a_face_that_turns_all_the_way_round_is_followed_upright(
    manifest: ArtifactManifest, smooth: bool, upright: bool
) -> None:
    crop = {**manifest.crop, "upright": upright}
    network = TurningFace()
    artifact = Artifact(Path("fake"), replace(manifest, crop=crop), network)
    landmarker = FaceLandmarker(artifact, lambda picture: [Box(120, 80, 80, 80)])
    follow = FaceTracker(landmarker, smooth=smooth)
    off, far = [], []
    for degrees in range(0, 361, 4):
        (face,) = follow.update(network.picture(degrees), degrees / 120)
        assert face.track == 1
        off.append(abs(turns_on(degrees, in_plane_roll(face.landmarks.points))))
        far.append(abs(turns_on(degrees, face.pose[2])))
    largest = 8 if smooth else 2  # the filter comes after
    if upright:
        assert max(*off, *far) < largest
    else:
        assert min(max(off), max(far)) > 100


def test_the_shipped_network_follows_a_drawn_face_all_the_way_round() -> None:
    shipped = FaceLandmarker.open(detector=whole_picture).artifact
    crop = {**shipped.manifest.crop, "upright": True}
    artifact = replace(shipped, manifest=replace(shipped.manifest, crop=crop))
    follow = FaceTracker(FaceLandmarker(artifact, whole_picture), smooth=False)
    face = draw_face(1)
    for degrees in range(0, 360, 6):
        matrix = crop_matrix((128, 128), 320, 320, degrees)
        truth = transform(face.landmarks.points, matrix)
        (found,) = follow.update(cut(face.picture, matrix, 320), degrees / 60)
        error = nme(found.landmarks.points[None], truth[None], IBUG68)[0]
        assert error < 0.1
        assert found.track == 1
        assert abs(turns_on(face.pose[2] + degrees, found.pose[2])) < 12
