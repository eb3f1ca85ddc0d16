"""Stratified sampling of calibration faces by pose and luminance."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.converters.calibration.calibration_set import (
    EDGES,
    luminance,
    stratified_sample,
    stratify,
    summarise,
)

STRATA = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


@given(STRATA, st.integers(1, 80))
def test_as_many_as_wanted_or_all_there_are(strata: list, count: int) -> None:
    chosen = stratified_sample(strata, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(strata))
    assert chosen == sorted(chosen)


@given(STRATA, st.integers(1, 80))
def test_no_stratum_gives_more_than_another_that_still_had_some(strata: list, count: int) -> None:
    sizes, taken = Counter(strata), Counter(strata[i] for i in stratified_sample(strata, count))
    most = max(taken.values())
    for stratum, size in sizes.items():
        assert taken[stratum] >= min(size, most - 1)


def test_a_rare_pose_is_not_lost_among_many() -> None:
    strata = [(1, 1)] * 90 + [(2, 1)] * 5
    chosen = stratified_sample(strata, 10)
    assert [i for i in chosen if i >= 90] == [90, 91, 92, 93, 94]


def test_within_a_stratum_faces_are_spread_over_their_order() -> None:
    assert stratified_sample([(0,)] * 101, 3) == [0, 50, 100]


def test_bins_are_counted_from_the_low_end() -> None:
    (low, high) = EDGES["yaw"]
    values = np.array([low - 1, low + 1, high + 1])
    assert stratify(yaw=values) == [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    ("colour", "expected"), [((255, 255, 255), 255), ((0, 0, 0), 0), ((0, 255, 0), 0.587 * 255)]
)
def test_luminance_weights_green_most(colour: tuple, expected: float) -> None:
    crop = np.full((4, 4, 3), colour, np.uint8)
    assert luminance(crop) == pytest.approx(expected)


def test_the_summary_counts_chosen_faces_in_each_bin() -> None:
    strata = [(0, 1), (1, 1), (1, 2), (2, 2)]
    content = summarise(["yaw", "light"], strata, [0, 3])
    assert content["yaw"] == {"edges": [-15.0, 15.0], "chosen": [1, 0, 1], "of": [1, 2, 1]}
    assert content["light"]["chosen"] == [0, 1, 1]
