"""The crop of any kind of picture is the same RGB input, in memory that is reused."""

import numpy as np
import pytest

from asmnet_edge.errors import PictureError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.runtime.landmarker import Cropper, FaceLandmarker, three_channels

RULE = CropRule(size=64)
BGR = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
MATRIX = RULE.matrix(Box(40, 30, 60, 60))


def test_bgr_and_rgb_give_the_same_crop() -> None:
    from_bgr = Cropper(RULE).cut(BGR, MATRIX)
    from_rgb = Cropper(RULE, "rgb").cut(np.ascontiguousarray(BGR[..., ::-1]), MATRIX)
    assert (from_bgr == from_rgb).all()
    assert from_bgr.shape == (1, 64, 64, 3)


def test_the_next_crop_lies_in_the_same_memory() -> None:
    cropper = Cropper(RULE)
    assert cropper.cut(BGR, MATRIX) is cropper.cut(BGR[::-1], MATRIX)


def test_large_and_sliced_pictures_leave_nothing_behind() -> None:
    cropper = Cropper(RULE)
    large = np.repeat(np.repeat(BGR, 8, axis=0), 8, axis=1)
    cropper.cut(large, RULE.matrix(Box(0, 0, 900, 900)))
    again = cropper.cut(BGR[:, ::2], MATRIX).copy()
    assert (again == Cropper(RULE).cut(np.ascontiguousarray(BGR[:, ::2]), MATRIX)).all()


def test_grey_and_four_channels_are_pictures_too() -> None:
    grey = BGR[..., 0]
    assert (three_channels(grey) == grey[..., None]).all()
    assert (three_channels(grey[..., None]) == grey[..., None]).all()
    assert (three_channels(np.dstack([BGR, grey])) == BGR).all()
    assert three_channels(BGR) is BGR


@pytest.mark.parametrize(
    "picture",
    [BGR.astype(float), BGR[:0], np.zeros((4, 4, 2), np.uint8), np.zeros(9, np.uint8), None, "a"],
    ids=str,
)
def test_what_is_no_picture_is_refused(picture: object) -> None:
    with pytest.raises(PictureError, match=r"must be \(H, W, 3\) uint8, got"):
        three_channels(picture)  # type: ignore[arg-type]


def test_a_landmarker_of_rgb_finds_what_one_of_bgr_does() -> None:
    picture = draw_face(3).picture
    (one,) = FaceLandmarker.open(detector=whole_picture).detect(picture)
    (other,) = FaceLandmarker.open(detector=whole_picture, colour="rgb").detect(picture[..., ::-1])
    np.testing.assert_array_equal(one.landmarks.points, other.landmarks.points)


def test_an_unknown_colour_order_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="Known: bgr, rgb"):
        FaceLandmarker.open(colour="hsv")


def test_faces_keep_their_points_when_the_next_is_found() -> None:
    landmarker = FaceLandmarker.open(detector=whole_picture)
    (first,) = landmarker.detect(draw_face(1).picture)
    before, pose = first.landmarks.points.copy(), first.pose.copy()
    landmarker.detect(draw_face(2).picture)
    assert (first.landmarks.points == before).all()
    assert (first.pose == pose).all()
