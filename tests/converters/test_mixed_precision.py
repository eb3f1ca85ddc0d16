"""The mixed-precision plan: costly blocks first, no more than needed, checked on other faces."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from asmnet_edge.converters.accuracy.mixed_precision import Planner, carry_out, planner_for
from asmnet_edge.converters.accuracy.scores import Goal, Score, check, faces_to_judge
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.calibration.sources import FaceSource
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.datasets.sample import OnBroken, Sample, refuse
from asmnet_edge.datasets.splits import is_validation
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import CheckFailedError, NotAFaceError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme

COSTS = {"stem": 1.0, "first": 4.0, "second": 2.0, "third": 3.0}


@dataclass(frozen=True)
class FourBlocks:
    """A simulation of blocks with one operator each, and float heads."""

    blocks = MappingProxyType({**{b: (f"{b}_conv",) for b in COSTS}, "heads": ("landmarks",)})
    body = frozenset(f"{block}_conv" for block in COSTS)

    def share_of_multiply_adds(self, names: Collection[str]) -> float:
        return len(names) / 4


@dataclass(frozen=True)
class AddingJudge:
    """Costs add up; the drop is a tenth of the deviation."""

    simulation: FourBlocks
    faces: AnnotatedCrops

    def score(self, in_int8: Collection[str]) -> Score:
        total = sum(COSTS[name.removesuffix("_conv")] for name in in_int8)
        return Score(total, total / 10, (0.0, 1.0))


def some_faces(scheme: LandmarkScheme, labelled: bool = True) -> AnnotatedCrops:
    crops = np.zeros((5, 8, 8, 3), np.uint8)
    return AnnotatedCrops(crops, scheme, np.zeros((5, scheme.points, 2)) if labelled else None)


@pytest.fixture
def judge(square_scheme: LandmarkScheme) -> AddingJudge:
    return AddingJudge(FourBlocks(), some_faces(square_scheme))


def planner(judge: AddingJudge, **goal: float) -> Planner:
    return Planner(judge, Goal(**goal))  # type: ignore[arg-type]


# choosing


def test_the_costliest_blocks_are_kept_until_the_goal_is_met(judge: AddingJudge) -> None:
    plan = planner(judge, max_deviation=3.2).plan()
    assert plan.blocks == ("first", "third")
    assert plan.keep_float == ("first_conv", "third_conv")
    assert plan.expected.deviation == 3.0
    assert plan.before.deviation == 10.0
    assert plan.multiply_adds == 0.5
    assert plan.is_met


def test_layers_are_named_in_the_order_of_the_network(judge: AddingJudge) -> None:
    plan = planner(judge, max_deviation=1.1).plan()
    assert plan.blocks == ("first", "third", "second")
    assert plan.keep_float == ("first_conv", "second_conv", "third_conv")


def test_where_int8_is_good_enough_nothing_is_kept(judge: AddingJudge) -> None:
    plan = planner(judge, max_deviation=11.0).plan()
    assert (plan.blocks, plan.keep_float, plan.is_met) == ((), (), True)


def test_the_drop_can_be_the_goal(judge: AddingJudge) -> None:
    assert planner(judge, max_nme_drop=0.65).plan().blocks == ("first",)
    both = planner(judge, max_nme_drop=0.65, max_deviation=3.2).plan()
    assert both.blocks == ("first", "third")


def test_a_goal_below_everything_keeps_all_in_float(judge: AddingJudge) -> None:
    plan = planner(judge, max_deviation=0.0).plan()
    assert len(plan.blocks) == 4
    assert plan.is_met  # all in float costs nothing here
    with pytest.raises(UsageError, match="no block is left"):
        planner(judge, max_deviation=0.0).one_more(plan)


def test_a_plan_as_json(judge: AddingJudge) -> None:
    content = planner(judge, max_deviation=6.4).plan().as_json()
    assert content["goal"] == {"max_deviation": 6.4}
    assert content["keep_float"] == ["first_conv"]
    assert content["chosen_on"] == 5
    assert content["expected"]["deviation"] == 6.0


# goals


@pytest.mark.parametrize("goal", [{}, {"max_deviation": -0.1}])
def test_a_goal_must_be_one(goal: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Goal(**goal)


def test_a_drop_needs_landmarks(square_scheme: LandmarkScheme) -> None:
    goal, faces = Goal(max_nme_drop=0.1), some_faces(square_scheme, labelled=False)
    with pytest.raises(UsageError, match="landmarks"):
        Planner(AddingJudge(FourBlocks(), faces), goal).plan()  # type: ignore[arg-type]


# carrying out


def worse_by(excess: float, judge: AddingJudge) -> Mapping[str, Score]:
    """Artifacts of two formats; the second costs ``excess`` more than simulated."""

    def measure(keep: tuple[str, ...]) -> Mapping[str, Score]:
        expected = judge.score(FourBlocks.body - set(keep)).deviation
        return {"one": Score(expected), "other": Score(expected + excess)}

    return measure  # type: ignore[return-value]


def test_artifacts_that_keep_the_goal_end_it(judge: AddingJudge) -> None:
    chooser = planner(judge, max_deviation=6.4)
    outcome = carry_out(chooser, chooser.plan(), worse_by(0.0, judge))
    assert outcome.plan.blocks == ("first",)
    assert outcome.worst[1] == {}


def test_an_artifact_that_misses_it_has_more_kept(judge: AddingJudge) -> None:
    chooser = planner(judge, max_deviation=6.4)
    outcome = carry_out(chooser, chooser.plan(), worse_by(0.6, judge))
    assert outcome.plan.blocks == ("first", "third")
    assert outcome.scores["other"].deviation == 3.6


def test_the_best_is_kept_when_none_meets_it(judge: AddingJudge) -> None:
    chooser = planner(judge, max_deviation=6.4)
    outcome = carry_out(chooser, chooser.plan(), worse_by(9.0, judge))
    assert len(outcome.plan.blocks) == 4
    assert outcome.worst[0] == "other"
    assert outcome.worst[1]["deviation"] == pytest.approx(2.6)


def test_verifying_names_what_misses_by_how_much() -> None:
    goal = Goal(max_nme_drop=0.03)
    scores = {"a.onnx": Score(0.2, 0.01, (0, 1)), "a.xml": Score(0.2, 0.075, (0, 1))}
    with pytest.raises(CheckFailedError, match=r"a.xml misses .* 7 faces .*nme drop is 0.045 %"):
        check(goal, scores, 7)
    check(Goal(max_nme_drop=0.08), scores, 7)


# faces


def test_choosing_and_verifying_share_no_identity_with_each_other_or_training() -> None:
    dataset, rule = DrawnFaces(60, size=64), CropRule(size=32)
    first, second = faces_to_judge(dataset, rule, IBUG68, percent=30)
    held_out = [s for s in dataset.samples("train") if is_validation(s.identity, 30)]
    assert len(first) + len(second) == len(held_out)
    assert min(len(first), len(second)) >= 4
    seen = [{crop.tobytes() for crop in faces.crops} for faces in (first, second)]
    assert not seen[0] & seen[1]
    assert first.landmarks is not None
    assert (np.abs(first.landmarks - 0.5) < 0.5).mean() > 0.9  # within the crop, relative


class WithAnEmptyPicture(DrawnFaces):
    """Drawn faces and a picture without one."""

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> list[Sample]:
        on_broken(NotAFaceError("no face was found in wall.jpg"))
        return super().samples(subset, on_broken)


def test_pictures_without_a_face_are_left_out_of_judging_where_that_was_asked_for(
    tmp_path: Path,
) -> None:
    dataset, rule = WithAnEmptyPicture(120, size=64), CropRule(size=32)
    plain, unlabelled = FaceSource("synthetic:9"), FaceSource(f"pictures:{tmp_path}")
    with pytest.raises(NotAFaceError, match="wall"):
        faces_to_judge(dataset, rule, IBUG68, percent=30, on_broken=plain.on_broken_again)
    first, second = faces_to_judge(
        dataset, rule, IBUG68, percent=30, on_broken=unlabelled.on_broken_again
    )
    assert min(len(first), len(second)) >= 4


def test_too_few_faces_are_refused() -> None:
    with pytest.raises(UsageError, match="faces to choose on"):
        faces_to_judge(DrawnFaces(10, size=64), CropRule(size=32), IBUG68)


# the real thing


def test_a_plan_for_a_network_lowers_its_deviation(
    graph: InferenceGraph, calibration: CalibrationSet, crops: np.ndarray
) -> None:
    faces = AnnotatedCrops(crops, graph.model.scheme)
    chooser = planner_for(graph, calibration, faces, Goal(max_deviation=100.0))
    goal = Goal(max_deviation=0.8 * chooser.whole.deviation)
    plan = Planner(chooser.judge, goal).plan()
    assert plan.is_met
    assert 0 < len(plan.blocks) < 12
    layers = {layer.name for layer in graph.model.network.layers}
    assert set(plan.keep_float) < layers
