"""Drawn faces: same seed, same bytes; and what their landmarks and poses say is in the picture."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from asmnet_edge.datasets.sample import Dataset, Sample
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import fit_pose, mirrored
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.rendering.drawn_face import DrawnFace, draw_face
from asmnet_edge.rendering.head import INSIDE, head_of, landmarks_3d, view_of
from asmnet_edge.rendering.painting import hair_depth
from asmnet_edge.rendering.ray_marching import Visible, relief_of, trace_head
from asmnet_edge.rendering.skin_map import read_map, to_map
from asmnet_edge.rendering.traits import Build, Look, sample_build, sample_look

EYES = [list(eye) for eye in IBUG68.eyes]


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(DrawnFaces(count=200).samples("train"))


@pytest.fixture(scope="module")
def faces() -> list[DrawnFace]:
    return [draw_face([0, k]) for k in range(40)]


def test_the_same_seed_draws_the_same_bytes() -> None:
    one, other = draw_face([3, 5]), draw_face([3, 5])
    assert one.picture.tobytes() == other.picture.tobytes()
    assert np.array_equal(one.landmarks.points, other.landmarks.points)


@pytest.mark.parametrize("seed", [[3, 6], [4, 5], 3])
def test_another_seed_draws_another_face(seed: list[int] | int) -> None:
    one, other = draw_face([3, 5]), draw_face(seed)
    assert np.abs(one.picture.astype(float) - other.picture).mean() > 5
    assert np.abs(one.landmarks.points - other.landmarks.points).max() > 1


def test_a_face_can_be_drawn_in_another_pose() -> None:
    pose = np.array([-80.0, 20, 0])
    face, same = draw_face(3, 128, pose=pose), draw_face(3, 128, pose=draw_face(3, 128).pose)
    np.testing.assert_array_equal(face.pose, pose)
    np.testing.assert_array_equal(same.picture, draw_face(3, 128).picture)
    points = face.landmarks.points
    assert points[30, 0] < points[36:48, 0].min()  # the nose points to the picture's left


def test_a_picture_is_square_and_in_colour(faces: list[DrawnFace]) -> None:
    assert {face.picture.shape for face in faces} == {(256, 256, 3)}
    assert {face.picture.dtype for face in faces} == {np.dtype(np.uint8)}


def test_a_smaller_picture_shows_the_same_face() -> None:
    large, small = draw_face(7, size=256), draw_face(7, size=128)
    # pixel centres lie at integers: an edge at -0.5 stays there
    assert np.allclose(small.landmarks.points + 0.5, (large.landmarks.points + 0.5) / 2)
    shrunk = cv2.resize(large.picture, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(float) - small.picture).mean() < 8


def test_landmarks_lie_inside_and_fill_about_half_of_the_width(samples: list[Sample]) -> None:
    points = np.stack([sample.landmarks.points for sample in samples])
    assert points.min() > 0 and points.max() < 255
    widths = [sample.landmarks.box.width / 256 for sample in samples]
    assert min(widths) > 0.35 and max(widths) < 0.65


def test_poses_are_bell_shaped_within_their_limits(samples: list[Sample]) -> None:
    poses = np.abs(_poses(samples))
    assert (poses.max(axis=0) < [50, 25, 25]).all()
    assert (poses.max(axis=0) > [35, 17, 17]).all()
    assert (np.median(poses, axis=0) < [18, 9, 9]).all()


def test_the_pose_is_found_again_from_the_landmarks(samples: list[Sample]) -> None:
    fitted = fit_pose(np.stack([sample.landmarks.points for sample in samples]))
    errors = np.abs(fitted - _poses(samples)).mean(axis=0)
    # a mean face fitted to other people's faces
    assert (errors < [4.0, 4.0, 1.0]).all()


def test_the_nose_points_where_yaw_and_pitch_say(samples: list[Sample]) -> None:
    tips, poses = np.stack([_nose_tip(sample) for sample in samples]), _poses(samples)
    turned = np.abs(poses[:, 0]) > 10
    assert np.array_equal(tips[turned, 0] > 0, poses[turned, 0] > 0)
    # y points down; how long the nose is blurs it
    assert np.corrcoef(tips[:, 1], poses[:, 1])[0, 1] < -0.8


def _poses(samples: list[Sample]) -> FloatArray:
    return np.array([sample.pose for sample in samples], np.float64)


def _nose_tip(sample: Sample) -> FloatArray:
    """Tip of the nose (2,) from the middle of the eyes, in inter-ocular distances, roll undone."""
    points = sample.landmarks.points
    middle = (points[36] + points[45]) / 2
    across = points[45] - middle
    down = np.array([-across[1], across[0]])
    return np.asarray(np.stack([across, down]) @ (points[30] - middle) / (2 * across @ across))


def test_a_mirrored_face_has_the_mirrored_pose(samples: list[Sample]) -> None:
    points = np.stack([sample.landmarks.points for sample in samples])
    other = (points * [-1, 1])[:, IBUG68.flip]
    assert np.allclose(fit_pose(other), mirrored(fit_pose(points)), atol=1e-4)


def test_open_eyes_are_no_skin(faces: list[DrawnFace]) -> None:
    contrasts = [_eye_contrast(face) for face in faces if _eye_opening(face) > 0.15]
    assert len(contrasts) > 20
    assert np.median(contrasts) > 40 and np.mean(np.array(contrasts) > 15) > 0.9


def _eye_opening(face: DrawnFace) -> float:
    """Height by width of the narrower eye."""
    eyes = [face.landmarks.points[eye] for eye in EYES]
    height, width = ([np.linalg.norm(e[a] - e[b]) for e in eyes] for a, b in ((1, 5), (0, 3)))
    return float(np.min(np.array(height) / width))


def _eye_contrast(face: DrawnFace) -> float:
    """Range of grey levels along the line between the corners of the eyes."""
    points, grey = face.landmarks.points, cv2.cvtColor(face.picture, cv2.COLOR_BGR2GRAY)
    ranges = []
    for eye in EYES:
        line = np.linspace(points[eye[0]], points[eye[3]], 30)[4:-4].round().astype(int)
        ranges.append(float(np.ptp(grey[line[:, 1], line[:, 0]].astype(float))))
    return max(ranges)


def test_lips_are_redder_than_the_chin(faces: list[DrawnFace]) -> None:
    lips, chin = (np.array([_redness(face, [57, i]) for face in faces]) for i in (66, 8))
    assert np.mean(lips > chin) > 0.8 and np.median(lips / chin) > 1.1


def _redness(face: DrawnFace, between: list[int]) -> float:
    """Red by green half-way between two landmarks, in the mean of 3 x 3 pixels."""
    x, y = face.landmarks.points[between].mean(axis=0).round().astype(int)
    colour = face.picture[y - 1 : y + 2, x - 1 : x + 2].mean(axis=(0, 1))
    return float(colour[2] / colour[1])


def test_the_drawn_skin_passes_through_the_landmarks() -> None:
    for k in range(10):
        build, look = sample_build(np.random.default_rng([2, k])), _some_look()
        head, view = head_of(build), view_of(build, 256)
        still = head.knots[17:68]
        radius = relief_of(head, hair_depth(look), look).radius
        drawn = INSIDE + read_map(radius, to_map(still)[None])[0][:, None] * still
        missed = np.linalg.norm(view.project(drawn) - view.project(head.skin(still)), axis=1)
        assert missed.mean() < 0.25 and missed.max() < 1.5


def test_the_jaw_of_a_turned_head_lies_on_its_visible_outline() -> None:
    builds = [sample_build(np.random.default_rng([1, k])) for k in range(120)]
    turned = [build for build in builds if abs(build.pose[0]) > 22]
    assert len(turned) > 10
    distances = [_distance_to_outline(build) for build in turned]
    assert np.median(distances) < 1.5 and np.max(distances) < 5


def _distance_to_outline(build: Build) -> float:
    """Mean distance in pixels of the hidden side's jaw points from the edge of the drawn head."""
    head, view, sight = head_of(build), view_of(build, 256), _sight_of(build)
    rows, columns = sight.window
    points = view.project(landmarks_3d(head, view)) - [columns.start, rows.start]
    hidden = points[9:14] if build.pose[0] > 0 else points[3:8]
    inside = (sight.cover[..., 0] > 0.5).astype(np.uint8)
    edges = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = np.concatenate(edges)[:, 0]
    return float(np.linalg.norm(hidden[:, None] - outline, axis=-1).min(axis=1).mean())


def _some_look() -> Look:
    return sample_look(np.random.default_rng(0))


def _sight_of(build: Build) -> Visible:
    look, head = _some_look(), head_of(build)
    return trace_head(relief_of(head, hair_depth(look), look), head, view_of(build, 256), 256)


def test_a_face_detector_finds_most_near_frontal_faces(faces: list[DrawnFace]) -> None:
    folder = cv2.data.haarcascades  # type: ignore[attr-defined]
    cascade = cv2.CascadeClassifier(folder + "haarcascade_frontalface_default.xml")
    near = [face for face in faces if abs(face.pose[0]) < 20]
    assert np.mean([_is_found(cascade, face) for face in near]) > 0.8


def _is_found(cascade: cv2.CascadeClassifier, face: DrawnFace) -> bool:
    """Whether the centre of the landmarks lies in the middle part of a detection."""
    grey = cv2.cvtColor(face.picture, cv2.COLOR_BGR2GRAY)
    boxes = cascade.detectMultiScale(grey, 1.1, 3, minSize=(60, 60))
    x, y = face.landmarks.box.centre
    return any(
        abs(left + width / 2 - x) < width / 3 and abs(top + height / 2 - y) < height / 3
        for left, top, width, height in boxes
    )


def test_it_is_a_data_set() -> None:
    data: Dataset = DrawnFaces(count=3, size=64)
    assert list(data.subsets) == ["train", "test"] and data.scheme is IBUG68
    assert [len(data.samples(subset)) for subset in data.subsets] == [3, 3]


def test_a_sample_is_the_face_of_its_number_and_travels_to_other_processes() -> None:
    sample = DrawnFaces(count=3, seed=5, size=64).samples("train")[2]
    face, far = draw_face([5, 2], size=64), pickle.loads(pickle.dumps(sample))
    assert np.array_equal(far.load(), face.picture)
    assert np.array_equal(far.landmarks.points, face.landmarks.points)
    assert np.array_equal(far.pose, face.pose)


def test_subsets_and_seeds_share_no_face() -> None:
    sets = [DrawnFaces(20, seed).samples(s) for seed in (0, 1) for s in ("train", "test")]
    every = [sample for samples in sets for sample in samples]
    assert len({sample.name for sample in every}) == len({s.identity for s in every}) == 80
    assert len({sample.landmarks.points.tobytes() for sample in every}) == 80


def test_a_longer_set_begins_with_the_shorter_one() -> None:
    short, long = DrawnFaces(2).samples("test"), DrawnFaces(4).samples("test")
    assert [sample.name for sample in short] == [sample.name for sample in long[:2]]


def test_an_unknown_subset_lists_the_known() -> None:
    with pytest.raises(DataError, match=r"'common'.*train, test"):
        DrawnFaces(1).samples("common")


@pytest.mark.parametrize("wrong", [{"count": 0}, {"seed": -1}, {"size": 16}])
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=str(next(iter(wrong.values())))):
        DrawnFaces(**wrong)


def test_a_negative_seed_is_refused_by_the_single_face_too() -> None:
    with pytest.raises(UsageError, match="negative"):
        draw_face([0, -1])
