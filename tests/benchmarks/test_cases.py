"""Cases: runtimes and threads, separate processes, foreign networks, jitter."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import sleep

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from asmnet_edge.benchmarks import accuracy, worker
from asmnet_edge.benchmarks.accuracy import FRAMES, jitter, moving, still
from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.cases import Case, cases_for, distinct_names, with_distinct_keys
from asmnet_edge.benchmarks.cold_start_process import peak_rss_mib
from asmnet_edge.benchmarks.evaluation_faces import EvaluationFaces
from asmnet_edge.benchmarks.foreign_description import (
    ForeignFacts,
    ForeignInput,
    ForeignOutput,
    read_foreign,
)
from asmnet_edge.benchmarks.model_loading import (
    check_outputs,
    identified,
    model_files,
    open_checked_model,
    open_model,
)
from asmnet_edge.benchmarks.record_types import PictureFacts
from asmnet_edge.benchmarks.timing import (
    STAGES,
    landmarker_of,
    picture_facts,
    stage_results,
    time_stages,
)
from asmnet_edge.benchmarks.worker import cold_start, workers
from asmnet_edge.benchmarks.worker_process import LocalRunner
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.io.files import sha256, sha256_of_all
from asmnet_edge.rendering.drawn_face import draw_face

TOML = """
name = "Mean colour"
model = "mean.onnx"
[input]
size = 32
layout = "NCHW"
mean = [0.0, 0.0, 0.0]
std = 255.0
[output]
unit = "crop"
"""


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A network whose 68 points are all at (mean red, mean green) of its crop."""
    crop = helper.make_tensor_value_info("crop", TensorProto.FLOAT, [1, 3, 32, 32])
    points = helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, 136])
    pick = helper.make_tensor("pick", TensorProto.INT64, [2], [0, 1])
    times = helper.make_tensor("times", TensorProto.INT64, [2], [1, 68])
    nodes = [
        helper.make_node("ReduceMean", ["crop"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["means", "pick"], ["pair"], axis=1),
        helper.make_node("Tile", ["pair", "times"], ["points"]),
    ]
    graph = helper.make_graph(nodes, "mean", [crop], [points], [pick, times])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "mean.onnx")
    (tmp_path / "mean.toml").write_text(TOML)
    return tmp_path / "mean.toml"


# cases


def test_a_row_for_each_runtime_and_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "tflite_runtime" or None)
    keys = [case.key for case in cases_for([Path("a.onnx"), Path("b.tflite")], "all", [1, 2])]
    assert keys == [
        *("a.onnx in onnxruntime", "a.onnx in onnxruntime, 2 threads"),
        *("a.onnx in openvino", "a.onnx in openvino, 2 threads"),
        *("b.tflite in ai-edge-litert", "b.tflite in ai-edge-litert, 2 threads"),
    ]
    assert [case.key for case in cases_for([Path("a.onnx")], "usual", [1])] == ["a.onnx"]


def test_a_runtime_by_name_is_for_the_files_that_it_can_run() -> None:
    keys = [case.key for case in cases_for([Path("a.onnx"), Path("b.tflite")], "openvino", [1])]
    assert keys == ["a.onnx in openvino", "b.tflite"]
    with pytest.raises(UsageError, match="no runtime is called 'torch'. Known: usual, all"):
        cases_for([Path("a.onnx")], "torch", [1])


def test_files_of_one_name_keep_the_folders_that_distinguish_them() -> None:
    paths = [Path(p) for p in ("old/a.onnx", "new/a.onnx", "new/b.onnx", "x/c.onnx", "x/y/c.onnx")]
    names = list(distinct_names(paths).values())
    assert names == ["old/a.onnx", "new/a.onnx", "b.onnx", "x/c.onnx", "y/c.onnx"]
    keys = [case.key for case in with_distinct_keys(cases_for(paths[:3], "openvino", [2]))]
    assert keys == [f"{name} in openvino, 2 threads" for name in names[:3]]


def test_a_file_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    again = [Case(tmp_path / "a.onnx"), Case(tmp_path / "a.onnx", compared=False)]
    with pytest.raises(UsageError, match=r"a\.onnx is given twice"):
        with_distinct_keys(again)
    assert len(with_distinct_keys([again[0], again[0]])) == 1


# processes


def test_a_process_that_crashes_is_one_failed_row(artifacts: list[Path]) -> None:
    with workers([Case(artifacts[0]), Case(artifacts[1])]) as (first, second):
        first.opened(), second.opened()
        os.kill(first._process.pid, signal.SIGSEGV)
        with pytest.raises(ModelError, match=r"its process ended with code -11"):
            first.turn(1, 0)
        assert len(second.turn(5, 0).samples) == 5


def test_a_process_that_hangs_is_ended_and_is_one_failed_row(
    artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 0.5)
    with workers([Case(artifacts[0])]) as (row,):
        row.opened()
        row.warm_up(0)
        os.kill(row._process.pid, signal.SIGSTOP)
        with pytest.raises(
            ModelError, match=r"float32\.tflite did not answer within \d+ s and was"
        ):
            row.turn(1, 0)
        assert row._process.poll() == -signal.SIGKILL


def test_a_slow_row_is_given_the_time_that_its_calls_take(
    artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PATIENCE", 0.0)
    with workers([Case(artifacts[0])]) as (row,):
        assert len(row.opened().turn(5, 0.2).samples) >= 5


def test_a_fresh_process_that_hangs_is_reported(
    artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "START_TIMEOUT", 0.01)
    with pytest.raises(ModelError, match=r"float32\.tflite did not start within"):
        cold_start(Case(artifacts[0]), 1)


def test_the_first_landmark_of_a_fresh_process_is_its_first_call(foreign: Path) -> None:
    calls = []
    model = open_model(Case(foreign, compared=False))
    run = model.backend._raw.run
    traced = replace(model.backend._raw, run=lambda values: calls.append(1) or run(values))
    model.backend._raw = traced
    assert model.unmeasured().sha256 is None  # nor is its file hashed for the record
    check_outputs(Case(foreign), model)
    assert len(calls) == 1


def test_memory_is_known_without_proc_too(tmp_path: Path) -> None:
    assert peak_rss_mib() > 20
    assert peak_rss_mib(tmp_path / "gone") > 20
    (tmp_path / "status").write_text("Name: python\n")
    assert peak_rss_mib(tmp_path / "status") > 20


def test_a_model_without_eyes_is_refused(candidate: Callable[..., CallableModel]) -> None:
    collapsed = candidate("flat.tflite")
    collapsed.backend.run = lambda crop: (np.full((68, 2), 0.5), np.zeros(3))
    with pytest.raises(ModelError, match=r"flat\.tflite puts both eyes of a face in one place"):
        LocalRunner(collapsed, collapsed.unmeasured()).outputs(np.zeros((2, 96, 96, 3), np.uint8))


def test_the_stages_use_as_many_threads_as_the_row(candidate: Callable[..., CallableModel]) -> None:
    seen, before = [], cv2.getNumThreads()
    made = candidate("a.tflite")
    run = made.backend.run
    made.backend.run = lambda crop: seen.append(cv2.getNumThreads()) or run(crop)
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), 1, np.uint8))[1].tobytes()
    results = stage_results(LocalRunner(made, made.unmeasured()).stages(picture, 2))
    assert (set(seen), cv2.getNumThreads()) == ({1}, before)
    assert tuple(results) == STAGES
    assert len(results["total"].samples) == results["total"].calls == 2
    assert picture_facts(picture) == PictureFacts(64, 48, len(picture))


def test_the_stages_are_those_of_the_landmarker_that_users_run(
    candidate: Callable[..., CallableModel],
) -> None:
    """A still is cut twice, a followed face once, so a pass is three inferences."""
    calls = []
    model = candidate("a.tflite")
    run = model.backend.run
    model.backend.run = lambda crop: calls.append(1) or run(crop)
    image = np.full((48, 64, 3), 1, np.uint8)
    picture = cv2.imencode(".jpg", image)[1].tobytes()
    time_stages(model, picture, 1)
    per_pass = len(calls) / 2  # one pass warms up
    calls.clear()
    landmarker = landmarker_of(model)
    (face,) = landmarker.detect(image)
    on_a_still = len(calls)
    landmarker.landmarks(image, face.landmarks)
    assert on_a_still == 2
    assert per_pass == len(calls) == 3


def test_a_slow_network_is_seen_in_the_stages_that_run_it(
    candidate: Callable[..., CallableModel],
) -> None:
    model = candidate("a.tflite")
    run = model.backend.run
    model.backend.run = lambda crop: sleep(0.02) or run(crop)
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), 1, np.uint8))[1].tobytes()
    times = {name: values[0] for name, values in time_stages(model, picture, 1).items()}
    assert times["infer"] >= 40  # two looks
    assert times["track"] >= 20
    assert times["total"] >= times["infer"] + times["detect"] + times["decode"]
    assert max(times["decode"], times["crop"], times["restore"]) < 20


def test_a_row_is_held_to_its_cores(artifacts: list[Path]) -> None:
    core = min(os.sched_getaffinity(0))
    with workers([Case(artifacts[0], cpus=(core,))]) as (row,):
        row.opened()
        assert os.sched_getaffinity(row._process.pid) == {core}
        assert row.unmeasured.cpus == (core,)


def test_no_process_is_left(artifacts: list[Path]) -> None:
    with workers([Case(artifacts[0])]) as (row,):
        row.opened()
    assert row._process.poll() is not None


def test_a_row_gives_what_the_model_gives_here(artifacts: list[Path]) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (40, 96, 96, 3), np.uint8)
    here = open_checked_model(Case(artifacts[1])).outputs(crops)
    with workers([Case(artifacts[1])]) as (row,):
        there = row.opened().outputs(crops)
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_array_equal(here[1], there[1])


def test_what_does_not_start_has_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.tflite did not start: .*there is no artifact"):
        cold_start(Case(tmp_path / "gone.tflite"), 1)


# foreign networks


def test_a_described_network_runs_beside_ours(foreign: Path) -> None:
    model = open_checked_model(Case(foreign, compared=False))
    assert model.description.name == "Mean colour"
    assert model.crop.size == 32
    crop = np.full((1, 32, 32, 3), (51, 102, 204), np.uint8)
    landmarks, _ = model.backend.run(crop)
    np.testing.assert_allclose(landmarks, [[0.2, 0.4]] * 68, atol=1e-6)


def test_its_pose_is_fitted_to_its_landmarks(
    foreign: Path, faces: EvaluationFaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_checked_model(Case(foreign, compared=False))
    answers = iter(faces.landmarks)
    monkeypatch.setattr(model.backend, "run", lambda crop: (next(answers), np.zeros(3)))
    _, pose = model.outputs(np.zeros((3, 32, 32, 3), np.uint8))
    assert np.abs(pose).max() < 2  # the fixture's landmarks all look ahead


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[output]", "[out]"), "out is not known; known: .*'output'"),
        (("[input]", "[inputs]"), "KeyError"),
        (("name =", "nome ="), "nome is not known"),
        (('layout = "NCHW"', 'layout = "CHWN"'), "layout must be one of"),
        (("size = 32", "sizes = 32"), "sizes is not known"),
        (('model = "mean.onnx"', ""), "KeyError"),
        (('name = "Mean colour"', "name = "), "does not describe a network"),
        (('model = "mean.onnx"', 'model = "gone.onnx"'), "which is not there"),
    ],
)
def test_an_error_names_what_is_wrong_with_a_description(
    foreign: Path, change: tuple[str, str], message: str
) -> None:
    foreign.write_text(TOML.replace(*change))
    with pytest.raises((UsageError, ModelError), match=message):
        read_foreign(foreign)


@pytest.mark.parametrize("output", ["index = 3", 'name = "marks"'])
def test_an_output_that_is_not_there_is_named_with_those_that_are(
    foreign: Path, output: str
) -> None:
    foreign.write_text(TOML + output + "\n")
    with pytest.raises(UsageError, match=r"there are: 0 \(1, 136\), 'points' \(1, 136\)"):
        open_checked_model(Case(foreign))


def test_a_description_is_read_as_it_is_written(foreign: Path) -> None:
    foreign.write_text(TOML.replace("name =", 'licence = "MIT"\nparameters = 12\nname ='))
    network = read_foreign(foreign)
    assert network.facts == ForeignFacts("Mean colour", parameters=12, licence="MIT")
    assert (network.input.size, network.input.mean) == (32, (0.0, 0.0, 0.0))
    assert network.output.unit == "crop"


def test_weights_in_a_separate_file_belong_to_the_network(foreign: Path) -> None:
    foreign.write_text(TOML.replace("mean.onnx", "mean.xml"))
    (foreign.parent / "mean.xml").write_text("<net/>")
    with pytest.raises(ModelError, match=r"mean\.bin, which is not there"):
        read_foreign(foreign)
    (foreign.parent / "mean.bin").write_bytes(b"weights")
    assert [path.name for path in read_foreign(foreign).files] == ["mean.bin", "mean.xml"]


@pytest.mark.parametrize("given", ["mean.toml", "mean.xml"])
def test_other_weights_beside_the_same_file_are_another_model(foreign: Path, given: str) -> None:
    foreign.write_text(TOML.replace("mean.onnx", "mean.xml"))
    (foreign.parent / "mean.xml").write_text("<net/>")
    hashes = set()
    for weights in (b"some", b"others"):
        (foreign.parent / "mean.bin").write_bytes(weights)
        hashes.add(sha256_of_all(model_files(foreign.parent / given)))
    assert len(hashes) == 2


def test_a_model_in_one_file_has_that_ones_hash(artifacts: list[Path]) -> None:
    case = Case(artifacts[1])
    row = identified(case, open_checked_model(case))
    assert row.files_sha256 == row.sha256 == sha256(artifacts[1])


def test_too_few_points_are_refused(foreign: Path) -> None:
    foreign.write_text(TOML + f"points = {list(range(51))}\n")
    with pytest.raises(UsageError, match="ibug68 has 68 points, the network gives 51"):
        open_checked_model(Case(foreign))


def test_inputs_are_prepared_as_described() -> None:
    crop = np.full((1, 2, 2, 3), (0, 127.5, 255), np.float32).astype(np.uint8)
    plain = ForeignInput(2, mean=(0.0, 0.0, 255.0), std=255.0).prepare(crop)
    assert plain.shape == (1, 3, 2, 2)
    np.testing.assert_allclose(plain[0, :, 0, 0], [0, 127 / 255, 0], atol=1e-6)
    pixels = ForeignInput(2, layout="NHWC", colour="BGR", type="uint8").prepare(crop)
    assert pixels.dtype == np.uint8
    assert pixels[0, 0, 0].tolist() == [255, 127, 0]


@pytest.mark.parametrize(
    ("output", "numbers"),
    [
        (ForeignOutput(), [0.25, 0.5, 0.75, 1.0]),
        (ForeignOutput(order="planar"), [0.25, 0.75, 0.5, 1.0]),
        (ForeignOutput(unit="centred"), [-0.5, 0, 0.5, 1]),
        (ForeignOutput(unit="pixels"), [1.5, 3.5, 5.5, 7.5]),
        (ForeignOutput(points=(1, 0)), [0.75, 1.0, 0.25, 0.5]),
    ],
)
def test_outputs_are_restored_as_described(output: ForeignOutput, numbers: list[float]) -> None:
    np.testing.assert_allclose(output.restore(np.array(numbers), 8), [[0.25, 0.5], [0.75, 1.0]])


# jitter


@pytest.fixture
def crop() -> np.ndarray:
    return np.ascontiguousarray(draw_face(3).picture[:96, :96])


def test_a_model_that_stands_still_on_a_still_does_not_jitter(
    faces: EvaluationFaces, crop: np.ndarray
) -> None:
    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.repeat(faces.landmarks[:1], len(crops), axis=0), np.zeros((len(crops), 3))

    found = jitter(predict, crop[None], faces.scheme)
    assert found.still_iod_percent == pytest.approx(0)
    assert found.moving_iod_percent > 0.5  # it did not follow


def test_a_model_that_follows_does_not_jitter_when_moving(
    faces: EvaluationFaces, crop: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shifts = moving(crop)
    calls: list[int] = []

    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(crops))
        followed = shifts if len(calls) == 2 else np.zeros((FRAMES, 2))
        return faces.landmarks[0] + followed[:, None] / 96, np.zeros((len(crops), 3))

    found = jitter(predict, crop[None], faces.scheme)
    assert found.moving_iod_percent == pytest.approx(0, abs=1e-9)


def test_jitter_of_known_size_is_found(faces: EvaluationFaces, crop: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    left, right = faces.scheme.eye_corners
    eyes = np.linalg.norm(faces.landmarks[0, left] - faces.landmarks[0, right])

    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = rng.normal(0, 0.01 * eyes, (len(crops), 68, 2))
        return faces.landmarks[0] + noise, np.zeros((len(crops), 3))

    # two coordinates of 1 % each, less what the mean of the frames takes
    expected = np.sqrt(2 * (1 - 1 / FRAMES))
    found = jitter(predict, crop[None], faces.scheme).still_iod_percent
    assert found == pytest.approx(expected, rel=0.05)


def test_noise_and_movement_are_small_and_always_the_same(crop: np.ndarray) -> None:
    frames, shifts = still(crop)
    inside = (crop > 10) & (crop < 245)
    assert (frames.astype(float) - crop)[:, inside].std() == pytest.approx(accuracy.NOISE, rel=0.1)
    assert not shifts.any()
    np.testing.assert_array_equal(frames, still(crop)[0])
    frames, shifts = moving(crop)
    np.testing.assert_array_equal(frames[0], crop)
    assert 0 < np.linalg.norm(shifts[1]) < 1
