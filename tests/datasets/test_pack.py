"""Packs: crops wide enough for every view, and points that stay where they were."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from asmnet_edge.datasets.pack import PACK_RULE, Pack, make_pack
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.errors import DataError, PictureError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.pose import fit_pose
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.images import decode_image, encode_image


def test_a_pack_holds_every_face_once(face_pack: Pack) -> None:
    assert len(face_pack) == 12
    assert face_pack.points.shape == (12, 68, 2)
    assert face_pack.pose.shape == (12, 3)
    assert face_pack.names == tuple(f"face{i}" for i in range(12))
    assert face_pack.identities[:3] == ("person0", "person0", "person1")
    assert face_pack.scheme is IBUG68


def test_crops_are_320_pixels_and_1_8_times_the_face(face_pack: Pack) -> None:
    assert face_pack.picture(3).shape == (320, 320, 3)
    low, high = face_pack.points.min(axis=1), face_pack.points.max(axis=1)
    np.testing.assert_allclose((high - low).max(axis=1), 320 / 1.8)
    np.testing.assert_allclose((low + high) / 2, 159.5)


@pytest.mark.parametrize("unit", [30, 80, 190])
def test_points_stay_on_what_they_marked(
    draw_dot: Callable, find_dot: Callable, face_points: Callable, unit: float
) -> None:
    points = face_points(unit=unit, centre=(300.2, 290.7))
    dot = draw_dot(points[30], 640, 600, radius=unit / 15)
    sample = Sample("dot", "dot", lambda: dot, Landmarks(points, IBUG68))
    pack = make_pack([sample])
    np.testing.assert_allclose(find_dot(pack.picture(0)), pack.points[0, 30], atol=0.15)


def test_a_known_pose_is_kept_and_an_unknown_one_fitted(
    face_samples: Callable[[int], list[Sample]],
) -> None:
    known, other = face_samples(2)
    pack = make_pack([known, replace(other, pose=None)])
    np.testing.assert_allclose(pack.pose[0], known.pose)
    np.testing.assert_allclose(pack.pose[1], fit_pose(other.landmarks.points[None])[0], atol=1e-4)
    np.testing.assert_allclose(pack.pose[1], other.pose, atol=8)  # it was drawn with some noise


def test_selected_faces_keep_all_that_is_theirs(face_pack: Pack) -> None:
    some = face_pack.select(np.array([7, 2]))
    assert len(some) == 2
    assert some.names == ("face7", "face2")
    assert some.identities == ("person3", "person1")
    for mine, theirs in ((0, 7), (1, 2)):
        assert (some.points[mine] == face_pack.points[theirs]).all()
        assert (some.pose[mine] == face_pack.pose[theirs]).all()
        assert (some.picture(mine) == face_pack.picture(theirs)).all()


def test_progress_sees_every_face(face_samples: Callable[[int], list[Sample]]) -> None:
    seen = []

    def progress(samples: Sequence[Sample]) -> Iterator[Sample]:
        for sample in samples:
            seen.append(sample.name)
            yield sample

    make_pack(face_samples(3), progress)
    assert seen == ["face0", "face1", "face2"]


def test_no_faces_make_no_pack() -> None:
    with pytest.raises(DataError, match="no faces to pack"):
        make_pack([])


@pytest.fixture
def with_one_cut_off(face_samples: Callable[[int], list[Sample]]) -> list[Sample]:
    """Three faces, the second one's file ends too early."""
    samples = face_samples(3)
    content = encode_image(samples[1].load(), ".jpg")[:-50]
    samples[1] = replace(samples[1], load=lambda: decode_image(content, "afw/2_1.jpg"))
    return samples


def test_a_picture_that_cannot_be_read_is_refused_by_name(with_one_cut_off: list[Sample]) -> None:
    with pytest.raises(PictureError, match=r"afw/2_1\.jpg is cut off"):
        make_pack(with_one_cut_off)


def test_it_is_left_out_where_the_caller_allows_it(with_one_cut_off: list[Sample]) -> None:
    errors: list[DataError] = []
    pack = make_pack(with_one_cut_off, on_broken=errors.append)
    assert pack.names == ("face0", "face2")
    assert pack.points.shape == (2, 68, 2)
    assert ["afw/2_1.jpg" in str(error) for error in errors] == [True]


def test_nothing_but_broken_pictures_makes_no_pack(with_one_cut_off: list[Sample]) -> None:
    with pytest.raises(DataError, match="no faces to pack"):
        make_pack(with_one_cut_off[1:2], on_broken=lambda error: None)


def test_a_damaged_crop_is_named(face_pack: Pack) -> None:
    broken = replace(face_pack, jpegs=(b"no jpeg", *face_pack.jpegs[1:]))
    with pytest.raises(PictureError, match="face0"):
        broken.picture(0)


def test_a_pack_is_wide_enough_for_most_views() -> None:
    # 1.8 holds the crop of 1.25 x the face turned by 26 degrees: 1.25 (cos 26 + sin 26) = 1.67
    assert PACK_RULE.margin > 1.25 * (np.cos(np.deg2rad(26)) + np.sin(np.deg2rad(26)))
