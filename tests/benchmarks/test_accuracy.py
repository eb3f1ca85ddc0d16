"""Accuracy of landmarks: planted errors come back as the figures they stand for."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asmnet_edge.benchmarks import accuracy as measuring
from asmnet_edge.benchmarks.evaluation_faces import (
    EvaluationFaces,
    faces_of,
    faces_settings,
    hash_of,
)
from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.datasets.sample import Missing
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.metrics import inter_ocular
from asmnet_edge.geometry.pose import fit_pose

Outputs = tuple[np.ndarray, np.ndarray]
DEVIATIONS = {"deviation_iod_percent", "deviation_pixels", "deviation_by_region"}
DROPS = {"nme_drop", "nme_drop_interval", "pose_mae_drop", "pose_mae_drop_interval"}
ERRORS = {"nme", "nme_interval", "nme_by_region", "errors", "failure_rate", "auc", "pose_mae",
          "pose_truth"}  # fmt: skip
ASKED = {*DEVIATIONS, *DROPS, *ERRORS, "faces", "on"}


def accuracy(*given: Any) -> dict[str, Any]:
    """The figures as a record has them."""
    figures: dict[str, Any] = to_json(measuring.accuracy(*given))
    return figures


def truth(faces: EvaluationFaces) -> Outputs:
    return faces.landmarks, faces.pose


def missed_by(faces: EvaluationFaces, eyes: np.ndarray | float, degrees: float = 0) -> Outputs:
    """The truth, off by ``eyes`` inter-ocular distances in a slanting direction."""
    away = np.array([0.6, 0.8]) * (eyes * inter_ocular(faces.landmarks, faces.scheme))[:, None]
    return faces.landmarks + away[:, None], faces.pose + [degrees, 0, -2 * degrees]


def test_the_truth_has_no_error(faces: EvaluationFaces) -> None:
    figures = accuracy(truth(faces), truth(faces), faces)
    assert (figures["nme"], figures["failure_rate"], figures["auc"]) == (0, 0, 1)
    assert figures["pose_mae"] == {"yaw": 0, "pitch": 0, "roll": 0}
    assert (figures["faces"], figures["on"]) == (3, "three faces")


def test_equal_models_drop_nothing_and_do_not_deviate(faces: EvaluationFaces) -> None:
    wrong = missed_by(faces, 0.07, 4)
    figures = accuracy(wrong, wrong, faces)
    assert (figures["nme_drop"], figures["nme_drop_interval"]) == (0, [0, 0])
    assert figures["deviation_iod_percent"] == 0
    assert figures["pose_mae_drop"] == {"yaw": 0, "pitch": 0, "roll": 0}
    assert figures["nme"] == pytest.approx(7)


def test_a_planted_offset_is_the_nme_and_the_drop(faces: EvaluationFaces) -> None:
    figures = accuracy(missed_by(faces, 0.05), truth(faces), faces)
    for name in ("nme", "nme_drop", "deviation_iod_percent"):
        assert figures[name] == pytest.approx(5)
    np.testing.assert_allclose(figures["nme_drop_interval"], [5, 5])


def test_the_drop_is_against_the_float_models_error(faces: EvaluationFaces) -> None:
    figures = accuracy(missed_by(faces, 0.02), missed_by(faces, 0.05), faces)
    assert figures["nme"] == pytest.approx(2)
    assert figures["nme_drop"] == pytest.approx(-3)


def test_faces_count_alike(faces: EvaluationFaces) -> None:
    figures = accuracy(missed_by(faces, np.array([0.0, 0.03, 0.12])), truth(faces), faces)
    assert figures["nme"] == pytest.approx(5)
    assert figures["failure_rate"] == pytest.approx(1 / 3)  # over 8 %
    # the rest of the way to 8 %: all of it, 5 / 8 and none
    assert figures["auc"] == pytest.approx((1 + 5 / 8 + 0) / 3)
    low, high = figures["nme_drop_interval"]
    assert 0 <= low < 5 < high <= 12 + 1e-9


def test_an_offset_of_one_region_is_in_that_region_alone(faces: EvaluationFaces) -> None:
    landmarks, pose = faces.landmarks.copy(), faces.pose
    mouth = list(faces.scheme.groups["mouth"])
    landmarks[:, mouth, 0] += 0.5 / faces.crop.size  # half a pixel to the right
    figures = accuracy((landmarks, pose), truth(faces), faces)
    reported = figures["deviation_by_region"]
    assert reported["mouth"]["pixels"] == pytest.approx(0.5)
    assert {name for name, each in reported.items() if each["pixels"]} == {"mouth"}
    assert figures["deviation_pixels"] == pytest.approx(0.5 * len(mouth) / 68)
    assert {name for name, error in figures["nme_by_region"].items() if error} == {"mouth"}


def test_the_error_of_each_face_is_kept(faces: EvaluationFaces) -> None:
    figures = accuracy(missed_by(faces, np.array([0.0, 0.03, 0.12])), None, faces)
    assert figures["errors"] == pytest.approx([0, 3, 12])


def test_a_planted_turn_is_the_pose_error(faces: EvaluationFaces) -> None:
    figures = accuracy(missed_by(faces, 0, 3), missed_by(faces, 0, 1), faces)
    assert figures["pose_mae"] == pytest.approx({"yaw": 3, "pitch": 0, "roll": 6})
    assert figures["pose_mae_drop"] == pytest.approx({"yaw": 2, "pitch": 0, "roll": 4})


def test_without_truth_there_is_deviation_alone(faces: EvaluationFaces) -> None:
    unknown = replace(faces, landmarks=None, pose=None)
    figures = accuracy(missed_by(faces, 0.05), truth(faces), unknown)
    assert figures["deviation_iod_percent"] == pytest.approx(5)
    known = {name for name, figure in figures.items() if figure is not None}
    assert known == {*DEVIATIONS, "faces", "on"}


def test_without_a_float_model_there_is_no_drop(faces: EvaluationFaces) -> None:
    figures = accuracy(missed_by(faces, 0.05), None, faces)
    assert figures["nme"] == pytest.approx(5)
    missing = {name for name, figure in figures.items() if figure is None}
    assert missing == {*DEVIATIONS, *DROPS}


def test_every_row_has_every_figure(faces: EvaluationFaces) -> None:
    blind = replace(faces, landmarks=None, pose=None)
    for reference in (truth(faces), None):
        for some in (faces, blind):
            assert accuracy(truth(faces), reference, some).keys() == ASKED


def test_faces_of_one_identity_are_drawn_together(faces: EvaluationFaces) -> None:
    wrong = missed_by(faces, np.array([0.0, 0.04, 0.10]))
    two = replace(faces, identities=("a", "a", "b"))
    low, high = accuracy(wrong, truth(faces), two)["nme_drop_interval"]
    assert (low, high) == pytest.approx((2, 10))  # all of a, or all of b
    chosen = two.annotations.select(np.array([2, 0]))
    assert chosen.identities == ("b", "a")


# faces to evaluate on


@pytest.fixture(scope="module")
def drawn() -> DrawnFaces:
    return DrawnFaces(4, size=96)


def test_faces_are_cut_by_the_rule(drawn: DrawnFaces) -> None:
    faces = faces_of(drawn, "test", CropRule(margin=1.25, size=64), annotated=True)
    assert (faces.crops.shape, faces.crops.dtype) == ((4, 64, 64, 3), np.uint8)
    # the longer side of the landmarks' box is 1 / 1.25 of the crop, and in its middle
    assert faces.landmarks.shape == (4, 68, 2)
    np.testing.assert_allclose(np.ptp(faces.landmarks, axis=1).max(axis=1), 0.8)
    middle = (faces.landmarks.max(axis=1) + faces.landmarks.min(axis=1)) / 2
    np.testing.assert_allclose(middle, 0.5)
    assert faces.description == "synthetic test"


def test_the_same_faces_are_known_again_by_their_annotations(drawn: DrawnFaces) -> None:
    """However they are cut, on whatever machine, whether or not errors are asked for."""
    small = faces_of(drawn, "test", CropRule(size=32), annotated=True)
    large = faces_of(drawn, "test", CropRule(margin=1.5, size=64), annotated=False)
    reported, other = faces_settings(small), faces_settings(large)
    assert reported.annotations_sha256 == other.annotations_sha256
    assert reported.sha256 != other.sha256


def test_other_annotations_are_other_faces(drawn: DrawnFaces) -> None:
    samples = drawn.samples("test")
    points = samples[0].landmarks.points + [0.1, 0]
    moved = replace(samples[0], landmarks=replace(samples[0].landmarks, points=points))
    renamed = replace(samples[0], name="elsewhere")
    assert hash_of([renamed, *samples[1:]]) == hash_of(samples)
    assert hash_of([moved, *samples[1:]]) != hash_of(samples)
    assert hash_of(samples[::-1]) != hash_of(samples)


def test_an_exact_pose_is_taken_as_it_is(drawn: DrawnFaces) -> None:
    faces = faces_of(drawn, "test", CropRule(size=32), annotated=True)
    exact = np.stack([sample.pose for sample in drawn.samples("test")])
    assert (faces.pose == exact).all()


def test_an_unknown_pose_is_fitted(drawn: DrawnFaces) -> None:
    class WithoutPose:
        name, scheme, subsets = drawn.name, drawn.scheme, drawn.subsets

        def samples(self, subset: str) -> list:
            return [replace(sample, pose=None) for sample in drawn.samples(subset)]

        def missing(self, subset: str) -> list:
            return [Missing("elsewhere", 2)]

    faces = faces_of(WithoutPose(), "test", CropRule(size=32), annotated=True)
    points = np.stack([sample.landmarks.points for sample in drawn.samples("test")])
    np.testing.assert_allclose(faces.pose, fit_pose(points, drawn.scheme), atol=1e-3)
    assert faces.missing == (Missing("elsewhere", 2),)


def test_faces_for_deviation_alone_have_no_truth(drawn: DrawnFaces) -> None:
    faces = faces_of(drawn, "train", CropRule(size=32), annotated=False)
    assert (faces.landmarks, faces.pose) == (None, None)
    assert len(faces.crops) == 4
