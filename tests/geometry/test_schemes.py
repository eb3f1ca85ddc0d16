"""Landmark schemes: who is whose mirror image, and where the eyes are."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.pose import mean_face
from asmnet_edge.geometry.schemes import (
    IBUG68,
    SCHEMES,
    WFLW98,
    LandmarkScheme,
    scheme_named,
    scheme_with,
)

EACH_SCHEME = pytest.mark.parametrize("scheme", [*map(scheme_named, SCHEMES)], ids=list(SCHEMES))

# Mirror pairs of the 300W and WFLW data sets as published with HRNet (Sun et al., 2019;
# HRNet-Facial-Landmark-Detection, lib/utils/transforms.py, MATCHED_PARTS), counted from 0 here.
HRNET_68 = (
    "0-16 1-15 2-14 3-13 4-12 5-11 6-10 7-9 17-26 18-25 19-24 20-23 21-22 31-35 32-34 36-45 37-44 "
    "38-43 39-42 40-47 41-46 48-54 49-53 50-52 61-63 60-64 67-65 58-56 59-55"
)
HRNET_98 = (
    "0-32 1-31 2-30 3-29 4-28 5-27 6-26 7-25 8-24 9-23 10-22 11-21 12-20 13-19 14-18 15-17 33-46 "
    "34-45 35-44 36-43 37-42 38-50 39-49 40-48 41-47 60-72 61-71 62-70 63-69 64-68 65-75 66-74 "
    "67-73 55-59 56-58 76-82 77-81 78-80 87-83 86-84 88-92 89-91 95-93 96-97"
)


def pairs(text: str) -> dict[int, int]:
    return {int(a): int(b) for a, b in (pair.split("-") for pair in text.split())}


@pytest.mark.parametrize(("scheme", "golden"), [(IBUG68, HRNET_68), (WFLW98, HRNET_98)])
def test_mirror_pairs_are_those_of_the_field(scheme: LandmarkScheme, golden: str) -> None:
    ours, theirs = ({frozenset(p) for p in d.items()} for d in (scheme.swaps, pairs(golden)))
    assert ours == theirs


@EACH_SCHEME
@given(data=st.data())
def test_flipping_twice_gives_every_point_back(scheme: LandmarkScheme, data: st.DataObject) -> None:
    coordinates = st.lists(st.integers(-999, 999), min_size=scheme.points, max_size=scheme.points)
    values = np.array(data.draw(coordinates))
    assert (values[scheme.flip][scheme.flip] == values).all()


def test_flipping_a_square_swaps_its_corners(square_scheme: LandmarkScheme) -> None:
    corners = np.array([[0, 0], [2, 0], [2, 1], [0, 1]])
    mirrored = (corners * [-1, 1] + [2, 0])[square_scheme.flip]
    assert (mirrored == corners).all()
    assert square_scheme.flip.tolist() == [1, 0, 3, 2]


def test_the_mean_face_is_its_own_mirror_image() -> None:
    face = mean_face()
    np.testing.assert_allclose(face[IBUG68.flip] * [-1, 1, 1], face, atol=1e-4)
    assert np.abs(face[:, 0]).max() > 0.5  # it does have two sides


@EACH_SCHEME
def test_left_lies_left_of_right(scheme: LandmarkScheme) -> None:
    x = np.zeros(scheme.points)
    for left, right in scheme.swaps.items():
        x[left], x[right] = -1, 1
    outer_left, outer_right = scheme.eye_corners
    assert (x[outer_left], x[outer_right]) == (-1, 1)
    assert all((x[list(eye)] == side).all() for eye, side in zip(scheme.eyes, (-1, 1), strict=True))


@EACH_SCHEME
def test_contours_join_points_of_one_region(scheme: LandmarkScheme) -> None:
    for indices, _ in scheme.contours:
        assert any(set(indices) <= set(group) for group in scheme.groups.values())


def test_the_nme_is_normalised_by_the_outer_eye_corners() -> None:
    # 300W: Sagonas et al., ICCVW 2013 (points 37 and 46 from 1); WFLW: Wu et al., CVPR 2018
    assert IBUG68.eye_corners == (36, 45)
    assert WFLW98.eye_corners == (60, 72)


def test_the_68_points_within_the_98_keep_their_mirror_pairs() -> None:
    chosen = np.array(WFLW98.to_ibug68)
    assert len(set(WFLW98.to_ibug68)) == 68
    assert (WFLW98.flip[chosen] == chosen[IBUG68.flip]).all()


def test_the_68_points_within_the_98_keep_their_regions() -> None:
    for region, members in IBUG68.groups.items():
        assert {WFLW98.to_ibug68[i] for i in members} <= set(WFLW98.groups[region])


def test_the_68_points_are_themselves() -> None:
    assert IBUG68.to_ibug68 == tuple(range(68))


@EACH_SCHEME
def test_a_pickled_scheme_comes_back_as_the_very_same(scheme: LandmarkScheme) -> None:
    assert pickle.loads(pickle.dumps(scheme)) is scheme


def test_a_point_in_no_region_is_refused() -> None:
    with pytest.raises(ValueError, match="each of 3 indices once"):
        LandmarkScheme("odd", 3, {"all": (0, 1)}, (), {}, (0, 1), ((0,), (1,)), ())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"to_ibug68": (0, 1)}, "68 indices or none"),
        ({"swaps": {0: 4}}, "no point 4 of 4"),
        ({"eye_corners": (0, -1)}, "no point -1 of 4"),
    ],
)
def test_indices_of_no_point_are_refused(
    square_scheme: LandmarkScheme, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(square_scheme, **wrong)


def test_schemes_are_found_by_name_and_by_count() -> None:
    assert scheme_named("ibug68") is scheme_with(68) is IBUG68
    assert scheme_named("wflw98") is scheme_with(98) is WFLW98


def test_an_unknown_scheme_lists_the_known() -> None:
    with pytest.raises(UsageError, match=r"'cofw29'.*ibug68, wflw98"):
        scheme_named("cofw29")
    with pytest.raises(UsageError, match=r"29 points.*68 \(ibug68\), 98 \(wflw98\)"):
        scheme_with(29)
