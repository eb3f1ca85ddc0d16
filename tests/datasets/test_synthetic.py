"""Drawn faces as a data set: subsets without a common face, samples that need not be drawn."""

import pickle

import numpy as np
import pytest

from asmnet_edge.datasets.sample import Dataset
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.rendering.drawn_face import draw_face


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
