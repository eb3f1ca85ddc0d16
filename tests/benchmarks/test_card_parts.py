"""What a model card is put together from: origin, log, remarks, conditions, boxes, subsets."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from asmnet_edge.benchmarks.callable_model import BatchBackend, CallableModel
from asmnet_edge.benchmarks.evaluation.subsets import Predictions
from asmnet_edge.benchmarks.model_card import measurements
from asmnet_edge.benchmarks.model_card.card import CardPlan
from asmnet_edge.benchmarks.model_card.conditions import bins, conditions_of, with_detector
from asmnet_edge.benchmarks.model_card.illustrations import ROWS, YAWS, turned_heads
from asmnet_edge.benchmarks.model_card.measurements import (
    KeptFaces,
    SomeFaces,
    absent,
    curve,
    measure,
    on_turned_faces,
    shipped_int8,
)
from asmnet_edge.benchmarks.model_card.provenance import (
    origin_of,
    read_known,
    read_logs,
    without_folders,
)
from asmnet_edge.benchmarks.model_card.text import hard_boxes, hard_conditions, number, render_part
from asmnet_edge.benchmarks.record_types import ModelDescription
from asmnet_edge.datasets.annotated_crops import Annotations
from asmnet_edge.datasets.sample import Missing, OnBroken, Sample, refuse
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.errors import DataError, ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import SHIPPED_FLOAT, SHIPPED_INT8, sha256, shipped

RULE = CropRule(size=32)
FACTS = ModelDescription(
    name="fake.keras", precision="float32", runtime="fake", parameters=1, multiply_adds=2
)
Make = Callable[[int], list[Sample]]


class Faces:
    """Four faces are ``test``; ``all`` has no others here, but lacks two of ``elsewhere``."""

    name, licence, scheme = "four", "none", IBUG68
    subsets = ("train", "test", "all")

    def __init__(self, faces: Sequence[Sample]) -> None:
        self.faces = faces

    def samples(self, subset: str, on_broken: OnBroken = refuse) -> Sequence[Sample]:
        return self.faces

    def missing(self, subset: str) -> Sequence[Missing]:
        return (Missing("elsewhere", 2),) if subset == "all" else ()


def guessing(faces: Sequence[Sample]) -> CallableModel:
    """A model that answers the mean of ``faces``, whatever it sees."""
    mean = Annotations.of(faces, RULE).landmarks.mean(axis=0)

    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.repeat(mean[None], len(crops), axis=0), np.zeros((len(crops), 3))

    return CallableModel(FACTS, BatchBackend("fake 1.0", predict), RULE, IBUG68)


def predictions(faces: Sequence[Sample], eyes: Sequence[float]) -> Predictions:
    """Of a model that misses each of ``faces`` by so many eye distances."""
    truth = Annotations.of(faces, RULE)
    spans = np.linalg.norm(truth.landmarks[:, 36] - truth.landmarks[:, 45], axis=1)
    away = np.array([0.6, 0.8]) * (np.array(eyes) * spans)[:, None]
    return Predictions(tuple(faces), truth, (truth.landmarks + away[:, None], truth.pose))


def unseen(what: str, steps: int) -> Callable[[], None]:
    return lambda: None


def test_a_subset_with_the_faces_of_another_is_noted_and_not_counted_twice(
    face_samples: Make,
) -> None:
    dataset = Faces(face_samples(4))
    section, found = measure(guessing(dataset.faces), dataset, unseen)
    assert [row["name"] for row in section["subsets"]] == ["test"] == list(found)
    missing = [{"part": "elsewhere", "faces": 2}]
    assert section["not_measured"] == [{"name": "all", "missing": missing, "same_as": "test"}]
    (row,) = section["subsets"]
    assert "errors" not in row  # only the worst are named
    assert row["worst"][0]["nme"] == pytest.approx(100 * found["test"].errors.max())
    by_points = [row["regions"][n]["nme"] * len(at) / 68 for n, at in IBUG68.groups.items()]
    assert sum(by_points) == pytest.approx(row["nme"])


def test_turned_pictures_are_measured_on_some_of_the_faces(face_samples: Make) -> None:
    section, _ = measure(guessing(face_samples(4)), Faces(face_samples(4)), unseen)
    tilt = section["tilt"]
    assert (tilt["faces"], tilt["degrees"]) == (4, [0, 30, 60, 90, 180])
    assert len(tilt["nme"]) == len(tilt["failure_rate"]) == len(tilt["inferences"]) == 5
    assert tilt["inferences"] == [2] * 5  # level crops: one is refined by another


@pytest.mark.parametrize("upright", [False, True])
def test_turned_heads_stand_in_the_card_by_yaw(
    monkeypatch: pytest.MonkeyPatch, upright: bool
) -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)  # drawing them takes long, and nobody looks
    monkeypatch.setattr(measurements, "_loaded", lambda sample: replace(sample, load=lambda: grey))
    dataset = KeptFaces(61, wide=True)
    model = guessing(dataset.samples())
    model = replace(model, crop=replace(model.crop, upright=upright))
    figures = on_turned_faces(model, 61, unseen)
    assert sum(part["faces"] for part in figures["by_yaw"]) == figures["faces"] == 61
    rules = {"fewest_faces": 10}
    section = {"name": "a.keras", "subsets": [], "wide": figures,
               "tilt": {"faces": 1, "degrees": [0], "nme": [1.5], "failure_rate": [0.25],
                        "inferences": [2.0]}}  # fmt: skip
    text = render_part("turned", section=section, card={"rules": rules}, folder="card")
    part = figures["by_yaw"][-1]
    again = [figures["upright"]["by_yaw"][-1]["nme_box"]] if upright else []
    values = [part["nme"], part["nme_box"], *again, part["yaw_mae"]]
    far = " | ".join(f"{value:.2f}" for value in values)
    assert f"| 60-90° | exact | {part['faces']} | {far} |" in text
    assert ("over box, upright" in text) is upright
    assert "card/a-turned.jpg" in text
    assert "| failed, % | 25.0 |" in text
    assert render_part("turned", section={"subsets": [{"name": "before"}]}).strip() == ""


def test_drawn_faces_are_drawn_once_for_all_models() -> None:
    first, second = (KeptFaces(2, wide=True).samples()[0] for _ in range(2))
    assert first.load() is second.load()
    again = DrawnFaces(2, wide=True).samples("test")[0]
    assert first.name == again.name
    np.testing.assert_array_equal(first.load(), again.load())


def test_the_gallery_shows_heads_from_side_to_side_where_their_landmarks_are() -> None:
    heads = turned_heads()
    assert len(heads) == len(YAWS) * len(ROWS)
    assert {-80.0, 80.0} <= {head.pose[0] for head in heads}
    assert {0.0, 90.0} <= {head.pose[2] for head in heads}
    for head in heads:
        corners = head.points[48] + 0.5 * (head.points[54] - head.points[48])
        assert (corners > 0).all()
        assert (corners < len(head.picture)).all()
        # about a row's level head and its turned one alike: the brows are where roll says is up
        up = head.points[17:27].mean(axis=0) - head.points[8]
        roll = np.deg2rad(head.pose[2])
        assert up @ [np.sin(roll), -np.cos(roll)] > 0.5 * np.linalg.norm(up)


def test_a_trial_takes_some_test_faces_and_all_to_calibrate_on(face_samples: Make) -> None:
    some = SomeFaces(Faces(face_samples(4)), 2)
    assert (len(some.samples("test")), len(some.samples("train"))) == (2, 4)


def test_official_subsets_of_which_nothing_is_here_are_named(tmp_path: Path) -> None:
    (tmp_path / "helen" / "testset").mkdir(parents=True)
    (tmp_path / "helen" / "testset" / "a.pts").touch()
    missing = [{"part": "ibug", "faces": 135}]
    assert absent(SomeFaces(W300(tmp_path), 1)) == [
        {"name": "challenging", "missing": missing, "same_as": None}
    ]


def test_the_error_curve_counts_the_faces_up_to_each_error() -> None:
    found = curve(np.array([0.01, 0.02, 0.5]), limit=2.0)
    share = dict(zip(found["at"], found["share"], strict=True))
    assert (share[0.9], share[1.0], share[2.0]) == (0.0, 0.33333, 0.66667)


def test_bins_hold_each_value_once_and_empty_ones_are_left_out() -> None:
    found = [(ends, chosen.tolist()) for ends, chosen in bins(np.array([5.0, 10, 40]), (10, 20))]
    assert found == [({"from": None, "to": 10}, [0]), ({"from": 10, "to": 20}, [1]),
                     ({"from": 20, "to": None}, [2])]  # fmt: skip
    assert [ends["to"] for ends, _ in bins(np.array([50.0]), (10, 20))] == [None]


def test_only_what_stands_out_is_called_a_failure(face_samples: Make) -> None:
    # faces that look far to a side are missed by a quarter of the eyes' distance
    faces = face_samples(40)
    far = np.abs([face.pose[0] for face in faces]) >= 20
    found = predictions(faces, np.where(far, 0.25, 0.02))
    row = {"nme": 100 * found.errors.mean(), "conditions": conditions_of(found),
           "nme_interval": found.truth.interval(100 * found.errors)}  # fmt: skip
    printed = list(hard_conditions(row, "*test*", fewest=5))
    assert printed
    assert all("yaw" in line and "20 to 30°" in line and "25.00" in line for line in printed)
    assert list(hard_conditions(row, "*test*", fewest=41)) == []


def test_the_least_displacement_that_costs_much_is_named() -> None:
    curves = {"shift_x": {"by": [-0.2, -0.1, 0.0, 0.1, 0.2], "nme": [9.0, 8.0, 4.0, 5.0, 7.0]},
              "scale": {"by": [0.8, 1.0, 1.2], "nme": [7.0, 4.0, 4.1]}}  # fmt: skip
    assert list(hard_boxes({"curves": curves}, times=1.5)) == [
        "Crop shifted 10 % of its side to the left: NME 8.00 %, compared with 4.00 % undisplaced.",
        "Crop shifted 20 % of its side to the right: NME 7.00 %, compared with 4.00 % undisplaced.",
        "Crop scaled to 0.8 times its side: NME 7.00 %, compared with 4.00 % undisplaced.",
    ]


def test_a_detector_that_boxes_as_the_annotations_do_costs_nothing(face_samples: Make) -> None:
    faces = face_samples(4)
    model = guessing(faces)
    landmarks, pose = model.outputs(np.zeros((4, 32, 32, 3), np.uint8))
    found = Predictions(tuple(faces), Annotations.of(faces, RULE), (landmarks, pose))
    boxes = iter([[faces[0].landmarks.box], [], [Box(0, 0, 1, 1)], [faces[3].landmarks.box]])
    figures = with_detector(model, found, lambda: None, lambda picture: next(boxes))
    assert (figures["faces"], figures["of"]) == (2, 4)  # one is not found, one box lies elsewhere
    assert figures["rise"] == pytest.approx(0, abs=1e-9)
    assert figures["nme"] == pytest.approx(100 * found.errors[[0, 3]].mean())
    assert with_detector(model, found, lambda: None, lambda picture: [])["faces"] == 0


def write_facts(path: Path, provenance: dict[str, Any]) -> Path:
    variant = {"architecture": "asmnet", "alpha": 1.0, "input_size": 128, "points": 68}
    facts = {"schema": 1, "variant": variant, "scheme": "ibug68", "provenance": provenance,
             "crop": {"margin": 1.25, "size": 128}}  # fmt: skip
    with ZipFile(path, "w") as archive:
        archive.writestr("asmnet_edge.json", json.dumps(facts))
    return path


def run_of(size: int, **facts: Any) -> dict[str, Any]:
    data = [{"dataset": "300w:/home/somebody/300w", "first_weight": 1.0, "last_weight": 1.0}]
    training = {"data": data, "epochs": 2, "variant": {"input_size": size}}
    return {"training": training, "faces": [7], "licence": "research", **facts}


def test_the_runs_behind_weights_are_listed_from_the_first_to_the_last(tmp_path: Path) -> None:
    provenance = run_of(128, validation_nme=4.5, started_from=run_of(224, sha256="ab"))
    origin = origin_of(write_facts(tmp_path / "a.keras", provenance))
    reported = [(run["run"], run["input_size"], run["sha256"]) for run in origin["training"]]
    assert reported == [(1, 224, "ab"), (2, 128, None)]
    entry = origin["training"][1]["data"][0]
    assert (entry["dataset"], entry["faces"]) == ("300w", 7)
    assert origin["notice"] is None


def test_a_run_of_some_seconds_has_what_was_frozen_taught_and_changed(tmp_path: Path) -> None:
    training = {
        "data": [{"dataset": "300w", "first_weight": 1.0, "last_weight": 1.0}],
        "seconds": 90.0,
        "frozen_blocks": 7,
        "taught": 0.25,
        "augmentation": {"rotation": 10.0, "blur": 0.1},
        "last_augmentation": {"rotation": 5.0, "blur": 0.1},
        **{name: 1 for name in ("batch", "learning_rate", "distance", "pose_weight", "seed")},
    }
    provenance = {"training": training, "faces": [3], "validation_nme": 4.5}
    section = origin_of(write_facts(tmp_path / "a.keras", provenance))
    reported = render_part("training", section={**section, "remarks": [], "log": None})
    assert "90 seconds, batches of 1" in reported
    assert "Augmentation: rotation 10, blur 0.1. Changed in the last part: rotation 5." in reported
    assert "The first 7 blocks were frozen." in reported
    assert "a weight of 0.25 in the loss, the annotated ones a weight of 0.75" in reported
    assert "7.0 % of the identities were held out" in reported


def test_weights_of_another_origin_have_no_training(tmp_path: Path) -> None:
    assert origin_of(write_facts(tmp_path / "a.keras", {}))["training"] == []
    with pytest.raises(ModelError, match="not a float model"):
        origin_of(tmp_path / "none.keras")


def test_what_is_known_of_weights_goes_with_their_hash(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,size,loss,validation_nme\n1,128,4.0,6.0\n")
    models = tuple(write_facts(tmp_path / f"{name}.keras", {"of": name}) for name in "ab")
    known = tmp_path / "known.toml"
    reported = 'logs = ["log.csv"]\nremarks = ["one\\ntwo"]'
    known.write_text(f'[[weights]]\nsha256 = "{sha256(models[1])}"\n{reported}\n')
    plan = CardPlan(models, "300w:/home/x", tmp_path / "card", known)
    first, second = plan.origins().values()
    assert (first["log"], first["remarks"]) == (None, [])
    assert (second["log"]["validation"], second["remarks"]) == ([[1, 6.0]], ["one two"])
    assert plan.command == (
        "python scripts/make_card.py a.keras b.keras --data 300w:DIR --output card"
    )


@pytest.mark.parametrize(
    "entry",
    ['logs = []\nremarks = ["of all weights"]', 'sha256 = "a"\nlogs = [1]\nremarks = []',
     'sha256 = "a"\nlogs = []\nremarks = []\nmore = 1', 'sha256 = "a"\nlogs = "x"\nremarks = []'],
)  # fmt: skip
def test_an_entry_on_weights_that_is_not_as_expected_is_reported(
    tmp_path: Path, entry: str
) -> None:
    path = tmp_path / "known.toml"
    path.write_text(f"[[weights]]\n{entry}\n")
    with pytest.raises(DataError, match=r"weights 1: expected the text sha256"):
        read_known(path)


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ("300w:../data/300w", "300w"),
        ("csv:/home/x/ytf/train.csv", "csv:ytf/train.csv"),
        ("pack:a.npz", "pack:a.npz"),
        ("synthetic:64", "synthetic:64"),
    ],
)
def test_data_sets_are_named_without_the_way_to_them(words: str, reported: str) -> None:
    assert without_folders(words) == reported


def test_logs_of_runs_in_a_row_count_their_steps_on(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("step,size,loss,validation_nme\n1,128,4.0,\n2,224,2.0,6.5\n")
    second.write_text("step,size,learning_rate,loss,validation_nme\n1,224,1e-3,1.0,5.5\n")
    log = read_logs([first, second])
    assert log["validation"] == [[2, 6.5], [3, 5.5]]
    assert log["loss"] == [[1, 4.0], [2, 2.0], [3, 1.0]]
    assert log["parts"] == [{"steps": 2, "sizes": [128, 224]}, {"steps": 1, "sizes": [224]}]
    second.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="not a training log"):
        read_logs([second])


def test_an_int8_file_of_other_weights_beside_a_model_is_refused() -> None:
    model = shipped(SHIPPED_FLOAT)
    assert shipped_int8(model, sha256(model)) == shipped(SHIPPED_INT8)
    with pytest.raises(ModelError, match="was not made from"):
        shipped_int8(model, "ff")
    assert shipped_int8(model.with_name("other.keras"), "ff") is None


def test_what_rounds_to_nothing_has_no_minus() -> None:
    assert (number(-0.001), number(-0.001, sign=True), number(-1.5, 1)) == ("0.00", "+0.00", "-1.5")
