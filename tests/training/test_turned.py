"""Turned heads: what the picture and its landmarks keep, and what by geometry they become."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.pose import fit_pose
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.rendering.head import head_of, landmarks_3d, view_of
from asmnet_edge.rendering.traits import sample_build
from asmnet_edge.training.accelerated.turned_heads import draw_poses, turn_heads

SIZE = 192
MIRROR68 = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRROR68 += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48]
MIRROR68 += [59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]


@pytest.fixture(scope="module")
def faces() -> tuple[torch.Tensor, torch.Tensor]:
    drawn = [draw_face(seed, SIZE) for seed in range(4)]
    pictures = np.stack([face.picture.transpose(2, 0, 1) for face in drawn])
    points = np.stack([face.landmarks.points for face in drawn])
    return torch.from_numpy(pictures), torch.from_numpy(points).float()


def own_pose(points: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(fit_pose(points.numpy())).float()


def eyes_apart(points: torch.Tensor) -> torch.Tensor:
    return (points[:, 36] - points[:, 45]).norm(dim=-1)


def test_a_head_that_is_not_turned_stays_as_it_is(faces) -> None:
    pictures, points = faces
    same = turn_heads(pictures, points, own_pose(points))
    assert (same.pictures.float() - pictures.float()).abs().mean() < 0.5
    torch.testing.assert_close(same.points[:, 17:], points[:, 17:], atol=0.01, rtol=0)
    jaw = (same.points - points)[:, :17].norm(dim=-1)  # may slide along the outline
    assert jaw.mean() < 0.01 * SIZE


@pytest.mark.parametrize(("yaw", "pitch"), [(30, 0), (-45, 0), (40, 20), (0, -25), (0, 30)])
def test_the_pose_asked_for_is_the_pose_of_the_landmarks(faces, yaw, pitch) -> None:
    pictures, points = faces
    wanted = own_pose(points)
    wanted[:, 0], wanted[:, 1] = yaw, pitch
    turned = turn_heads(pictures, points, wanted)
    torch.testing.assert_close(turned.pose, wanted)
    torch.testing.assert_close(own_pose(turned.points), wanted, atol=7, rtol=0)


@pytest.mark.parametrize("yaw", [30, -50])
def test_landmarks_land_where_the_drawn_head_has_them(yaw) -> None:
    for seed in range(4):
        build = replace(sample_build(np.random.default_rng(seed)), pose=np.zeros(3))
        head = head_of(build)
        views = [view_of(replace(build, pose=np.array([y, 0.0, 0.0])), SIZE) for y in (0, yaw)]
        start, goal = (
            torch.from_numpy(view.project(landmarks_3d(head, view)))[None].float() for view in views
        )
        blank = torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)
        wanted = own_pose(start) + torch.tensor([[yaw, 0.0, 0.0]])
        came = turn_heads(blank, start, wanted).points
        # the head turns about another point of it, so only shapes compare
        gap = (came - came[:, 17:].mean(1, True)) - (goal - goal[:, 17:].mean(1, True))
        gap = gap.norm(dim=-1) / eyes_apart(start)[:, None]
        assert gap[:, 17:].mean() < 0.03
        assert gap[:, :17].mean() < 0.15  # the drawn jaw is that of frontal faces


def test_the_picture_goes_where_its_landmarks_go(faces) -> None:
    points = faces[1]
    ramp = torch.arange(SIZE, dtype=torch.uint8)  # each pixel holds where it came from
    y, x = torch.meshgrid(ramp, ramp, indexing="ij")
    pictures = torch.stack([x, y, 0 * x]).expand(len(points), -1, -1, -1)
    wanted = own_pose(points)
    wanted[:, 0] += torch.where(wanted[:, 0] < 0, -25, 25)
    turned = turn_heads(pictures, points, wanted)
    seen = [*range(27, 31), *range(48, 60)]  # not hidden by the nose
    place = turned.points[:, seen].round().long()
    shown = torch.stack([turned.pictures[k, :2, p[:, 1], p[:, 0]].T for k, p in enumerate(place)])
    assert (shown - points[:, seen]).norm(dim=-1).median() < 0.015 * SIZE


def test_mirrored_faces_turn_the_other_way(faces) -> None:
    pictures, points = faces
    flipped = torch.stack([SIZE - 1 - points[..., 0], points[..., 1]], dim=-1)[:, MIRROR68]
    pose = torch.tensor([[35.0, 10.0, 5.0]] * len(points))
    one = turn_heads(pictures, points, pose)
    other = turn_heads(pictures.flip(-1), flipped, pose * torch.tensor([-1.0, 1.0, -1.0]))
    back = torch.stack([SIZE - 1 - other.points[..., 0], other.points[..., 1]], dim=-1)
    torch.testing.assert_close(back[:, MIRROR68], one.points, atol=0.05, rtol=0)
    assert (other.pictures.flip(-1).float() - one.pictures.float()).abs().mean() < 1.5


def test_far_turns_are_finite_and_the_same_each_time(faces) -> None:
    pictures, points = faces
    pose = draw_poses(points, torch.Generator().manual_seed(1))
    one, other = (turn_heads(pictures, points, pose) for _ in range(2))
    assert one.pictures.shape == pictures.shape
    assert one.points.isfinite().all()
    assert torch.equal(one.pictures, other.pictures)
    assert torch.equal(one.points, other.points)


def test_poses_by_lot_keep_side_and_roll(faces) -> None:
    points = faces[1].repeat(50, 1, 1)
    own = own_pose(points)
    pose = draw_poses(points, torch.Generator().manual_seed(0), max_yaw=70, max_pitch=30)
    clear = own[:, 0].abs() > 8
    assert torch.equal(pose[clear, 0].sign(), own[clear, 0].sign())
    torch.testing.assert_close(pose[:, 2], own[:, 2])
    assert pose[:, 0].abs().max() <= 70
    assert pose[:, 1].abs().max() <= 30
    assert (pose[:, 0].abs() > 45).float().mean() > 0.25
    assert torch.equal(
        pose, draw_poses(points, torch.Generator().manual_seed(0), max_yaw=70, max_pitch=30)
    )


def test_wrong_shapes_are_refused(faces) -> None:
    pictures, points = faces
    with pytest.raises(DataError, match="points must be"):
        turn_heads(pictures, points[:, :67], torch.zeros(4, 3))
    with pytest.raises(DataError, match="uint8"):
        turn_heads(pictures.float(), points, torch.zeros(4, 3))
