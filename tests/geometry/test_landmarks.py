"""Landmarks check themselves, and boxes lie tightly around them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asmnet_edge.errors import DataError
from asmnet_edge.geometry.landmarks import Box, Landmarks, bounding_box
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme

RHOMBUS = np.array([[2, 0], [4, 3], [2, 6], [0, 3]])


def test_the_box_around_a_rhombus_touches_its_corners(square_scheme: LandmarkScheme) -> None:
    box = Landmarks(RHOMBUS, square_scheme).box
    assert box == Box(0, 0, 4, 6)
    assert box.centre == (2, 3)


@given(arrays(float, (5, 2), elements=st.floats(-1e3, 1e3), unique=True))
def test_no_point_lies_outside_the_box_and_each_side_is_touched(points: np.ndarray) -> None:
    box = bounding_box(points)
    corner = np.array([box.x, box.y])
    inside = (points - corner) / [box.width, box.height]
    assert inside.min() >= 0
    assert inside.max() <= 1 + 1e-9
    np.testing.assert_allclose(inside.max(axis=0), 1)


def test_points_become_float64(square_scheme: LandmarkScheme) -> None:
    assert Landmarks(RHOMBUS, square_scheme).points.dtype == np.float64


def test_transposed_points_are_distinguished() -> None:
    with pytest.raises(DataError, match=r"points must be \(68, 2\), got \(2, 68\)"):
        Landmarks(np.zeros((2, 68)), IBUG68)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_point_that_is_not_finite_is_named(square_scheme: LandmarkScheme, bad: float) -> None:
    points = RHOMBUS.astype(float)
    points[2, 1] = bad
    with pytest.raises(DataError, match="point 2 is not finite"):
        Landmarks(points, square_scheme)


@pytest.mark.parametrize("sides", [(0, 1), (1, 0), (-1, 1), (np.nan, 1)])
def test_a_box_has_positive_sides(sides: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="positive sides"):
        Box(0, 0, *sides)


def test_points_on_one_line_have_no_box(square_scheme: LandmarkScheme) -> None:
    line = Landmarks(RHOMBUS * [1, 0], square_scheme)
    with pytest.raises(DataError, match="positive sides"):
        _ = line.box
