"""An evaluation: figures worked out by hand, subsets that overlap, and what a copy lacks."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asmnet_edge.benchmarks.callable_model import BatchBackend, CallableModel, open_for_accuracy
from asmnet_edge.benchmarks.evaluation.evaluate import (
    FILES,
    Evaluation,
    EvaluationPlan,
    run_evaluation,
    write_evaluation,
)
from asmnet_edge.benchmarks.evaluation.robustness import DEGREES, tilted, turned_picture
from asmnet_edge.benchmarks.evaluation.subsets import predict_faces
from asmnet_edge.benchmarks.evaluation.tables import evaluation_table
from asmnet_edge.benchmarks.evaluation_faces import (
    faces_in_words,
    failure_threshold,
    gaps_in_words,
)
from asmnet_edge.benchmarks.record_types import ModelDescription
from asmnet_edge.datasets.annotated_crops import Annotations
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.errors import DataError, MissingExtraError, ModelError, NotAFaceError, UsageError
from asmnet_edge.geometry import metrics
from asmnet_edge.geometry.crop import CropRule, crop_matrix, cut
from asmnet_edge.geometry.landmarks import Landmarks, bounding_box
from asmnet_edge.geometry.schemes import IBUG68, WFLW98
from asmnet_edge.io import display
from asmnet_edge.io.images import read_image
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.training.float_model import load_float_model

RULE = CropRule(size=32)
FACTS = ModelDescription(name="fake.tflite", precision="int8", runtime="fake 1.0")


class Faces:
    """Three faces, those of ``test``; ``hard`` has the last, ``all`` lacks two of ``elsewhere``."""

    name, licence, scheme = "three", "none", IBUG68
    subsets = ("train", "test", "hard", "all", "empty")

    def __init__(self, faces: Sequence[Sample]) -> None:
        self.faces = faces

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        members = {"train": (0, 1), "hard": (2,), "empty": ()}.get(subset, (0, 1, 2))
        return [self.faces[number] for number in members]

    def missing(self, subset: str) -> Sequence[Missing]:
        return (Missing("elsewhere", 2),) if subset in ("all", "empty") else ()


class AllFaces(Faces):
    """All faces are those of ``test``."""

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        return self.faces


@pytest.fixture
def three(face_samples: Callable[[int], list[Sample]]) -> Faces:
    return Faces(face_samples(3))


def knowing(faces: Sequence[Sample], eyes: Sequence[float], degrees: float = 0) -> CallableModel:
    """A model that knows ``faces`` in their order and misses each by so many eye distances."""
    truth = Annotations.of(faces, RULE)
    spans = np.linalg.norm(truth.landmarks[:, 36] - truth.landmarks[:, 45], axis=1)
    away = np.array([0.6, 0.8]) * (np.array(eyes) * spans)[:, None]
    answers = iter(zip(truth.landmarks + away[:, None], truth.pose + degrees, strict=True))

    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        landmarks, pose = zip(*(next(answers) for _ in crops), strict=True)
        return np.stack(landmarks), np.stack(pose)

    return CallableModel(FACTS, BatchBackend("fake 1.0", predict), RULE, IBUG68)


def unseen(what: str, steps: int) -> Callable[[], None]:
    """Progress that nobody watches."""
    return lambda: None


def evaluated(faces: Faces, model: CallableModel, *subsets: str, **plan: Any) -> Evaluation:
    order = EvaluationPlan(faces, "three:", subsets, sensitivity=False, **plan)
    return run_evaluation(model, order, unseen)


def rows_of(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in evaluation.content["subsets"]}


def text_of(evaluation: Evaluation) -> str:
    from rich.console import Console

    console = Console(width=110)
    with console.capture() as caught:
        console.print(evaluation_table(evaluation.content))
    return caught.get()


# figures


def test_figures_are_those_worked_out_by_hand(three: Faces) -> None:
    row = rows_of(evaluated(three, knowing(three.faces, [0.02, 0.06, 0.13], 3), "test"))["test"]
    assert row["faces"] == 3
    assert row["nme"] == pytest.approx((2 + 6 + 13) / 3)
    assert row["failure_rate"] == pytest.approx(1 / 3)  # above 8 %
    # the rest of the way to 8 %: 6 / 8, 2 / 8 and none
    assert row["auc"] == pytest.approx((6 / 8 + 2 / 8 + 0) / 3)
    assert row["pose_mae"] == pytest.approx({"yaw": 3, "pitch": 3, "roll": 3})
    assert row["pose_truth"] == "exact"
    assert row["errors"] == pytest.approx({"face0": 2, "face1": 6, "face2": 13}, abs=1e-4)
    low, high = row["nme_interval"]
    assert 2 - 1e-9 <= low < 7 < high <= 13 + 1e-9


def test_other_sizes_normalise_the_same_distances(three: Faces) -> None:
    row = rows_of(evaluated(three, knowing(three.faces, [0.05] * 3), "test"))["test"]
    by = row["nme_by_normaliser"]
    points = np.stack([sample.landmarks.points for sample in three.faces])
    corners = np.linalg.norm(points[:, 36] - points[:, 45], axis=1)
    pupils = points[:, 36:42].mean(axis=1) - points[:, 42:48].mean(axis=1)
    box = np.sqrt(np.prod(np.ptp(points, axis=1), axis=1))
    assert by["inter-ocular"] == row["nme"] == pytest.approx(5)
    assert by["inter-pupil"] == pytest.approx((5 * corners / np.linalg.norm(pupils, axis=1)).mean())
    assert by["box"] == pytest.approx((5 * corners / box).mean())


def test_a_region_is_charged_with_its_points_alone(three: Faces) -> None:
    model = knowing(three.faces, [0.1] * 3)
    truth = Annotations.of(three.faces, RULE).landmarks

    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        landmarks, pose = model.outputs(crops)
        kept = np.r_[0:17]  # the jaw is off, all else is right
        mixed = truth.copy()
        mixed[:, kept] = landmarks[:, kept]
        return mixed, pose

    jaw = replace(model, backend=BatchBackend("fake 1.0", predict))
    row = rows_of(evaluated(three, jaw, "test"))["test"]
    others = dict.fromkeys((*IBUG68.groups,), 0.0)
    assert row["nme_by_region"] == pytest.approx({**others, "jaw": 10.0})
    assert row["nme"] == pytest.approx(10 * 17 / 68)


def test_faces_of_98_points_fail_above_ten_per_cent() -> None:
    assert (failure_threshold(IBUG68), failure_threshold(WFLW98)) == (0.08, 0.10)


# yaw


@pytest.fixture
def turned(face_points: Callable) -> list[Sample]:
    """Twelve faces each at 15 degrees of yaw to either side, and at 80; nine at 50."""
    yaws = [15, -15] * 6 + [50] * 9 + [-80] * 12
    faces = []
    for number, yaw in enumerate(yaws):
        points, pose = face_points((yaw, 0, 0)), np.array([yaw, 0.0, 0])
        landmarks = Landmarks(points, IBUG68)
        grey = np.full((256, 256, 3), 90, np.uint8)
        faces.append(Sample(f"f{number}", f"f{number}", lambda g=grey: g, landmarks, pose))
    return faces


def test_rows_by_yaw_are_those_worked_out_by_hand(turned: list[Sample]) -> None:
    eyes = [0.02] * 12 + [0.5] * 9 + [0.1, 0.3] * 6
    evaluation = evaluated(AllFaces(turned), knowing(turned, eyes, degrees=2), "test")
    rows = rows_of(evaluation)["test"]["by_yaw"]
    assert [(r["from"], r["to"], r["faces"]) for r in rows] == [
        *((0, 15, 0), (15, 30, 12), (30, 45, 0), (45, 60, 9), (60, 90, 12)),
    ]
    near, far = rows[1], rows[4]
    assert (near["nme"], far["nme"]) == pytest.approx((2, 20))
    assert (near["yaw_mae"], far["yaw_mae"]) == pytest.approx((2, 2))
    points = turned[-1].landmarks.points
    eye, box = np.linalg.norm(points[36] - points[45]), np.prod(np.ptp(points, axis=0)) ** 0.5
    assert far["nme_box"] == pytest.approx(20 * eye / box)
    for row in (rows[0], rows[2], rows[3]):  # none, and too few
        assert (row["nme"], row["nme_box"], row["yaw_mae"]) == (None, None, None)


def test_the_table_has_the_origin_of_the_yaw_and_where_faces_are_too_few(
    turned: list[Sample],
) -> None:
    fitted = [replace(face, pose=None) for face in turned]
    for faces, truth in ((turned, "exact"), (fitted, "fitted")):
        evaluation = evaluated(AllFaces(faces), knowing(faces, [0.02] * len(faces)), "test")
        lines = text_of(evaluation).split("yaw MAE")[1].splitlines()
        (far,) = (line.split() for line in lines if "60-90°" in line)
        assert far[:4] == ["60-90°", truth, "12", "2.00"]
        (few,) = (line for line in lines if "45-60°" in line)
        assert few.split()[:5] == ["45-60°", truth, "9", "too", "few"]
        assert any("fewer than 10 faces" in note for note in evaluation.content["notes"])


# subsets


def test_a_further_metric_gets_a_column(three: Faces) -> None:
    evaluation = evaluated(three, knowing(three.faces, (0.1, 0.2, 0.3)))
    assert "worst point" not in text_of(evaluation)
    for row in evaluation.content["subsets"]:
        row["worst_point"] = 12.345
    assert re.search(r"worst point\b.*12\.3\b", text_of(evaluation), re.DOTALL)


def test_a_face_of_several_subsets_is_predicted_once(three: Faces) -> None:
    rows = rows_of(evaluated(three, knowing(three.faces, [0.02, 0.06, 0.13])))
    assert list(rows) == ["test", "hard", "all"]  # not what was learnt from
    assert rows["test"]["nme"] == rows["all"]["nme"] == pytest.approx(7)
    assert rows["hard"]["errors"] == {"face2": rows["test"]["errors"]["face2"]}


def test_what_a_copy_lacks_is_named(three: Faces) -> None:
    evaluation = evaluated(three, knowing(three.faces, [0.02] * 3))
    assert rows_of(evaluation)["all"]["missing"] == [{"part": "elsewhere", "faces": 2}]
    assert "all: 3 of 5 faces, without elsewhere (2)" in evaluation.content["notes"]
    assert "3 of 5 " in text_of(evaluation)
    assert not any(note.startswith("test:") for note in evaluation.content["notes"])


def test_an_empty_subset_is_a_note_unless_it_was_asked_for(three: Faces) -> None:
    notes = evaluated(three, knowing(three.faces, [0.02] * 3)).content["notes"]
    assert "empty is left out: no face of 'empty' is here: it lacks elsewhere (2)" in notes
    with pytest.raises(DataError, match=r"it lacks elsewhere \(2\)"):
        evaluated(three, knowing(three.faces, [0.02] * 3), "test", "empty")


def test_training_faces_are_evaluated_on_request_and_noted(three: Faces) -> None:
    evaluation = evaluated(three, knowing(three.faces, [0.02] * 3), "train")
    assert rows_of(evaluation)["train"]["faces"] == 2
    assert any("its results are too good" in note for note in evaluation.content["notes"])


def test_faces_of_another_scheme_are_refused(three: Faces) -> None:
    model = replace(knowing(three.faces, [0.02] * 3), scheme=WFLW98)
    with pytest.raises(UsageError, match=r"gives 98 points .* is annotated with 68 \(ibug68\)"):
        evaluated(three, model)


@pytest.mark.parametrize(
    ("gaps", "broken", "faces", "without"),
    [
        ([], 0, "554 faces", ""),
        ([{"part": "ibug", "faces": 135}], 0, "554 of 689 faces", "ibug (135)"),
        ([{"part": "ibug", "faces": 135}], 1, "554 of 690 faces", "ibug (135), 1 broken"),
        ([], 2, "554 of 556 faces", "2 broken"),
    ],
)
def test_gaps_are_counted(gaps: list, broken: int, faces: str, without: str) -> None:
    assert faces_in_words(554, gaps, broken) == faces
    assert gaps_in_words(gaps, broken) == without


def test_a_part_that_is_the_subset_itself_is_not_named_twice() -> None:
    gaps = [{"part": "test", "faces": 2496}]
    assert gaps_in_words(gaps, 1, of="test") == "2496 others, 1 broken"
    assert gaps_in_words(gaps, of="full") == "test (2496)"


# broken faces


def gone(tmp_path: Path) -> Any:
    return lambda: read_image(tmp_path / "gone.jpg")


def test_a_broken_picture_is_refused_or_left_out_and_counted(three: Faces, tmp_path: Path) -> None:
    three.faces = [three.faces[0], replace(three.faces[1], load=gone(tmp_path)), three.faces[2]]
    model = knowing([three.faces[0], three.faces[2]], [0.02, 0.04])
    with pytest.raises(DataError, match=r"gone\.jpg"):
        evaluated(three, model)
    left_out: list[DataError] = []
    evaluation = evaluated(three, model, on_broken=left_out.append)
    row = rows_of(evaluation)["test"]
    assert (row["faces"], row["broken"], row["nme"]) == (2, 1, pytest.approx(3))
    assert len(left_out) == len(evaluation.content["broken"]) == 1
    assert "test: 2 of 3 faces, without 1 broken" in evaluation.content["notes"]


def test_a_subset_all_of_whose_pictures_are_broken_is_reported(
    three: Faces, tmp_path: Path
) -> None:
    three.faces = [*three.faces[:2], replace(three.faces[2], load=gone(tmp_path))]
    model = knowing(three.faces[:2], [0.02, 0.04])
    evaluation = evaluated(three, model, on_broken=lambda error: None)
    assert "hard" not in rows_of(evaluation)
    assert any(note.startswith("hard is left out") for note in evaluation.content["notes"])


def test_an_empty_folder_is_named_but_no_broken_face(three: Faces) -> None:
    class WithEmptyFolder(Faces):
        def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
            on_broken(NotAFaceError("elsewhere holds no .pts file"))
            return super().samples(subset)

    left_out: list[DataError] = []
    dataset = WithEmptyFolder(three.faces)
    model = knowing(three.faces, [0.02] * 3)
    evaluation = evaluated(dataset, model, "all", on_broken=left_out.append)
    assert rows_of(evaluation)["all"]["broken"] == 0
    assert "all: 3 of 5 faces, without elsewhere (2)" in evaluation.content["notes"]
    assert evaluation.content["broken"] == ["elsewhere holds no .pts file"]


def test_drawn_faces_are_known_by_what_they_are_and_not_by_a_name(three: Faces) -> None:
    drawn = Faces([replace(face, drawn=True) for face in three.faces])
    for faces, is_drawn in ((three, False), (drawn, True)):
        content = evaluated(faces, knowing(faces.faces, [0.02] * 3), "test").content
        assert content["data"]["drawn"] is is_drawn
        assert any("no accuracy on real ones" in note for note in content["notes"]) is is_drawn


def test_a_face_without_size_is_broken(three: Faces) -> None:
    points = three.faces[1].landmarks.points.copy()
    points[36] = points[45]
    flat = replace(three.faces[1], landmarks=Landmarks(points, IBUG68))
    with pytest.raises(DataError, match="face1: its inter-ocular size is 0"):
        predict_faces(knowing(three.faces, [0] * 3), [flat], lambda: None)


def test_numbers_that_are_not_finite_are_refused(three: Faces) -> None:
    with pytest.raises(ModelError, match="not finite"):
        evaluated(three, knowing(three.faces, [0.02, np.nan, 0.02]))


# upright crops and turned pictures


class SeesTheFace:
    """A model that knows where ``faces`` are in level and in upright crops, by what a crop shows.

    It misses by 2 % of the eyes' distance in level crops and by 1 % in upright ones.
    """

    def __init__(self, faces: Sequence[Sample], upright: bool) -> None:
        self.rule, self._answers = replace(RULE, upright=upright), {}
        for rule, miss in ((RULE, 0.02), (replace(RULE, upright=True), 0.01)):
            truth = Annotations.of(faces, rule)
            for k, face in enumerate(faces):
                crop = cut(face.load(), rule.matrix(face.landmarks), rule.size)[..., ::-1]
                away = miss * np.linalg.norm(truth.landmarks[k, 36] - truth.landmarks[k, 45])
                points = truth.landmarks[k] + [away, 0]
                self._answers[crop.tobytes()] = points, truth.pose[k]

    def model(self) -> CallableModel:
        def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            landmarks, pose = zip(*(self._answers[crop.tobytes()] for crop in crops), strict=True)
            return np.stack(landmarks), np.stack(pose)

        return CallableModel(FACTS, BatchBackend("fake 1.0", predict), self.rule, IBUG68)


def test_a_network_that_expects_faces_upright_is_measured_both_ways(three: Faces) -> None:
    evaluation = evaluated(three, SeesTheFace(three.faces, upright=True).model(), "test", "hard")
    for row in rows_of(evaluation).values():
        assert row["nme"] == pytest.approx(2)  # the protocol's crop stays what counts
        assert row["upright"]["nme"] == pytest.approx(1)
        # the truth of the pose is that of the head in the crop, too
        for pose in (row["pose_mae"], row["upright"]["pose_mae"]):
            assert pose == pytest.approx({"yaw": 0, "pitch": 0, "roll": 0}, abs=1e-9)
        assert [part["faces"] for part in row["upright"]["by_yaw"]] == [
            part["faces"] for part in row["by_yaw"]
        ]
    assert any(note.startswith("upright: ") for note in evaluation.content["notes"])
    assert "box, upright" in text_of(evaluation)
    assert "upright" in text_of(evaluation).split("pupils")[0]


def test_other_networks_are_measured_as_ever(three: Faces) -> None:
    evaluation = evaluated(three, SeesTheFace(three.faces, upright=False).model(), "test")
    assert "upright" not in rows_of(evaluation)["test"]
    assert "upright" not in text_of(evaluation)
    assert "tilt" not in evaluation.content


@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
def test_turned_pictures_show_the_face_where_its_landmarks_are(
    three: Faces, degrees: float
) -> None:
    (face, *_) = three.faces
    picture, points = turned_picture(face, face.load(), degrees)
    centre = bounding_box(points).centre
    for number in (30, 8, 45):  # what is around a point is what was around it, turned
        here = crop_matrix(tuple(points[number]), 16, 16)
        there = crop_matrix(tuple(face.landmarks.points[number]), 16, 16, degrees)
        found, expected = cut(picture, here, 16), cut(face.load(), there, 16)
        assert np.abs(found.astype(int) - expected).mean() < 6
    assert len(picture) % 2 == 1
    assert 0 < min(centre) < max(centre) < len(picture)


def test_turned_pictures_go_through_the_runtimes_passes(
    three: Faces, float_file: Path, artifacts: list[Path]
) -> None:
    figures = {}
    for path in (float_file, artifacts[0]):
        for upright in (False, True):
            model = open_for_accuracy(path)
            model = replace(model, crop=replace(model.crop, upright=upright))
            content = evaluated(three, model, "test", "hard", tilt=True).content
            assert content["tilt"]["degrees"] == [0, 30, 60, 90, 180]
            figures[path, upright] = content["tilt"]["subsets"]
    for (_, upright), (row, hard) in figures.items():
        assert (row["name"], row["faces"], hard["faces"]) == ("test", 3, 1)
        assert row["nme"] == pytest.approx(figures[float_file, upright][0]["nme"], rel=0.05)
        assert min(row["inferences"]) >= 2
        assert max(row["inferences"]) <= 3 if upright else max(row["inferences"]) == 2


@pytest.mark.parametrize("upright", [False, True])
def test_tilted_faces_are_found_as_the_landmarker_finds_them(
    three: Faces, artifacts: list[Path], upright: bool
) -> None:
    artifact = open_artifact(artifacts[1])
    crop = {**artifact.manifest.crop, "upright": upright}
    artifact = replace(artifact, manifest=replace(artifact.manifest, crop=crop))
    landmarker = FaceLandmarker(artifact)
    model = open_for_accuracy(artifacts[1])
    model = replace(model, crop=replace(model.crop, upright=upright))
    errors = tilted(model, three.faces, lambda: None).errors
    for face, row in zip(three.faces, errors, strict=True):
        for degrees, error in zip(DEGREES, row, strict=True):
            picture, points = turned_picture(face, face.load(), degrees)
            (found,) = landmarker.faces_in(picture, [bounding_box(points)])
            expected = metrics.nme(found.landmarks.points[None], points[None], IBUG68)[0]
            assert error == pytest.approx(expected, rel=1e-6)


def test_tilts_are_a_table(three: Faces, artifacts: list[Path]) -> None:
    text = text_of(evaluated(three, open_for_accuracy(artifacts[0]), "test", tilt=True))
    assert "rotation of the picture" in text
    assert "180°" in text
    assert text.split("inferences a face")[1].split()[:5] == ["2.00"] * 5


# real small models


def test_a_float_model_and_its_artifact_agree(
    three: Faces, float_file: Path, artifacts: list[Path]
) -> None:
    models = open_for_accuracy(float_file), open_for_accuracy(artifacts[0])
    before, after = (rows_of(evaluated(three, model, "test"))["test"] for model in models)
    assert before["nme"] == pytest.approx(after["nme"], abs=0.01)
    assert models[1].description.source_sha256 == models[0].description.sha256
    assert models[0].backend.name.startswith("keras ")


def test_outputs_are_those_of_the_float_model(three: Faces, float_file: Path) -> None:
    found = predict_faces(open_for_accuracy(float_file), three.faces, lambda: None)
    model = load_float_model(float_file)
    from asmnet_edge.datasets.annotated_crops import crops_of

    expected, pose = model.predict(crops_of(three.faces, model.crop))
    np.testing.assert_allclose(found.outputs[0], expected, atol=1e-6)
    np.testing.assert_allclose(found.outputs[1], pose, atol=1e-4)


# files


@pytest.fixture
def whole(three: Faces, artifacts: list[Path]) -> tuple[Evaluation, CallableModel]:
    """A small artifact on three faces, with its sensitivity."""
    model = open_for_accuracy(artifacts[1])
    return run_evaluation(model, EvaluationPlan(three, "three:"), unseen), model


def test_two_evaluations_write_the_same_bytes(
    three: Faces, artifacts: list[Path], tmp_path: Path
) -> None:
    for name in ("first", "second"):
        model = open_for_accuracy(artifacts[1])
        evaluation = run_evaluation(model, EvaluationPlan(three, "three:"), unseen)
        assert write_evaluation(evaluation, model, tmp_path / name) == []
    for name in FILES:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_the_undisturbed_crop_has_the_error_of_the_faces(
    whole: tuple[Evaluation, CallableModel],
) -> None:
    content = whole[0].content
    curve = content["sensitivity"]["curves"]["scale"]
    undisturbed = curve["nme"][curve["by"].index(1.0)]
    assert undisturbed == pytest.approx(rows_of(whole[0])["test"]["nme"], abs=1e-3)


def test_an_earlier_sensitivity_does_not_stay(
    whole: tuple[Evaluation, CallableModel], tmp_path: Path
) -> None:
    evaluation, model = whole
    write_evaluation(evaluation, model, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(FILES)
    content = {**evaluation.content, "sensitivity": None}
    write_evaluation(replace(evaluation, content=content), model, tmp_path)
    assert not (tmp_path / "sensitivity.png").exists()


def test_without_matplotlib_the_plots_alone_are_left_out(
    whole: tuple[Evaluation, CallableModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(module: str, extra: str) -> Any:
        raise MissingExtraError(f"this needs {module}", f"pip install 'asmnet-edge[{extra}]'")

    monkeypatch.setattr(display, "require", lacking)
    (note,) = write_evaluation(*whole, tmp_path)
    assert "plots were left out" in note
    assert "pip install 'asmnet-edge[report]'" in note
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evaluation.json", "worst-faces.png"]
    written = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert written == whole[0].content


def test_the_worst_face_comes_first(three: Faces, tmp_path: Path) -> None:
    from asmnet_edge.benchmarks.evaluation import plots

    evaluation = evaluated(three, knowing(three.faces, [0.02, 0.13, 0.06]), "test")
    plots.write_worst_faces(evaluation.predictions, RULE, tmp_path / "worst.png")
    sheet = read_image(tmp_path / "worst.png")
    alone = evaluation.predictions.of(["face1"])
    plots.write_worst_faces(alone, RULE, tmp_path / "one.png")
    one = read_image(tmp_path / "one.png")
    tile = slice(plots.LEGEND + 4, plots.LEGEND + 4 + 224), slice(4, 4 + 224)
    assert (sheet[tile] == one[tile]).all()
