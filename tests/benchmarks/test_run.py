"""A run: everything in turns, drops against the first row, and a broken artifact is one row."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.benchmarks import candidates as loading
from asmnet_edge.benchmarks import run
from asmnet_edge.benchmarks.accuracy import EvaluationFaces, faces_of
from asmnet_edge.benchmarks.candidates import Candidate
from asmnet_edge.benchmarks.latency import LatencyPlan
from asmnet_edge.benchmarks.run import (
    BenchmarkPlan,
    Candidates,
    Failure,
    load_candidates,
    measure_candidates,
)
from asmnet_edge.crop import CropRule
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.errors import UsageError
from asmnet_edge.manifest import read_manifest
from asmnet_edge.training.floatmodel import load_float_model

SHORT = LatencyPlan(queries=4, seconds=0, rounds=2, warmup_seconds=0)
PLAN = BenchmarkPlan((), None, latency=SHORT)
COMPARED = replace(PLAN, float_model=Path("folder/float.keras"))


def unseen(what: str, steps: int) -> Callable[[], None]:
    """Progress that nobody watches."""
    return lambda: None


@pytest.fixture(scope="module")
def drawn() -> EvaluationFaces:
    """Faces that the small model can be run on."""
    return faces_of(DrawnFaces(3, size=96), "test", CropRule(size=96), annotated=True)


@pytest.fixture
def any_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's threads cannot be set in a process that has computed already."""
    monkeypatch.setattr(loading, "limit_threads", lambda tf, threads: None)


@pytest.fixture
def broken(artifacts: list[Path], tmp_path: Path) -> Path:
    """An artifact that was cut off when it was copied."""
    path = tmp_path / artifacts[1].name
    path.write_bytes(artifacts[1].read_bytes()[:5000])
    manifest = artifacts[1].with_name(artifacts[1].name + ".json")
    (tmp_path / manifest.name).write_bytes(manifest.read_bytes())
    return path


# measuring


def test_each_candidate_is_a_row_in_its_order(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> None:
    rows = tuple(candidate(name) for name in "abc")
    record = measure_candidates(PLAN, Candidates(None, rows), faces, unseen)
    assert [row["name"] for row in record.results] == ["a", "b", "c"]
    for row in record.results:
        assert row["latency_ms"]["calls"] == 4
        assert isinstance(row["unsteady"], list)
        assert row["parameters"] == 1_439_507


def test_drops_are_against_the_reference(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> None:
    reference = candidate("float.keras", right=0.02)
    rows = reference, candidate("same", right=0.02), candidate("worse", right=0.05)
    record = measure_candidates(COMPARED, Candidates(reference, rows), faces, unseen)
    drops = [row["accuracy"]["nme_drop"] for row in record.results]
    assert drops == pytest.approx([0, 0, 3])
    assert [row["accuracy"]["nme"] for row in record.results] == pytest.approx([2, 2, 5])
    assert record.content["settings"]["reference"] == "float.keras"


def test_without_a_reference_nothing_is_compared(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> None:
    rows = candidate("a"), candidate("b", right=0.05)
    record = measure_candidates(PLAN, Candidates(None, rows), faces, unseen)
    for row in record.results:
        assert row["accuracy"]["nme_drop"] is None
        assert row["accuracy"]["deviation_iod_percent"] is None
    assert record.content["settings"]["reference"] is None


def test_a_failure_keeps_its_place_among_the_rows(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> None:
    failure = Failure({"name": "broken", "error": "it fell over"})
    rows = candidate("first"), failure, candidate("last", right=0.05)
    record = measure_candidates(PLAN, Candidates(None, rows), faces, unseen)
    assert [row["name"] for row in record.results] == ["first", "broken", "last"]
    assert record.failed == [failure.facts]
    assert record.results[2]["accuracy"]["nme"] == pytest.approx(5)


def test_failures_alone_are_a_record_too(faces: EvaluationFaces) -> None:
    rows = (Failure({"name": "broken", "error": "it fell over"}),)
    record = measure_candidates(PLAN, Candidates(None, rows), faces, unseen)
    assert record.results == record.failed == [rows[0].facts]


def test_the_record_tells_the_settings(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> None:
    plan = replace(PLAN, threads=3)
    record = measure_candidates(plan, Candidates(None, (candidate("a"),)), faces, unseen)
    assert record.content["settings"] == {
        "threads": 3,
        "latency": {"queries": 4, "seconds": 0, "rounds": 2, "warmup_seconds": 0},
        "faces": {"count": 3, "on": "three faces", "missing": [], "failure_threshold": 0.08},
        "reference": None,
    }


def test_progress_goes_as_far_as_it_said(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> None:
    said: dict[str, int] = {}
    went = dict.fromkeys(("latency", "accuracy"), 0)

    def progress(what: str, steps: int) -> Callable[[], None]:
        said[what] = steps
        return lambda: went.update({what: went[what] + 1})

    rows = candidate("a"), candidate("b"), candidate("c")
    measure_candidates(PLAN, Candidates(None, rows), faces, progress)
    assert went == said == {"latency": 6, "accuracy": 3}


# loading


def test_a_broken_artifact_is_one_failed_row(artifacts: list[Path], broken: Path) -> None:
    found = load_candidates(replace(PLAN, artifacts=(broken, artifacts[0])))
    failure, loaded = found.rows
    assert isinstance(failure, Failure)
    assert failure.facts["name"] == broken.name
    assert "not the file that its manifest was written for" in failure.facts["error"]
    assert found.loaded == [loaded]
    assert found.reference is None


@pytest.mark.parametrize("name", ["gone.tflite", "letter.txt"])
def test_what_is_no_artifact_is_a_failed_row(tmp_path: Path, name: str) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam")
    (row,) = load_candidates(replace(PLAN, artifacts=(tmp_path / name,))).rows
    assert isinstance(row, Failure)
    assert row.facts.keys() == {"name", "error"}


def test_an_artifacts_facts_are_those_of_its_manifest(artifacts: list[Path]) -> None:
    (loaded,) = load_candidates(replace(PLAN, artifacts=(artifacts[1],), threads=2)).loaded
    manifest = read_manifest(artifacts[1])
    assert loaded.facts["bytes"] == artifacts[1].stat().st_size
    assert loaded.facts["operators"] == {"total": 67, "int8": 65}
    assert loaded.facts["multiply_adds"] == manifest.multiply_adds
    assert (loaded.facts["format"], loaded.facts["precision"]) == ("tflite", "int8")
    assert loaded.facts["runtime"].startswith("ai-edge-litert")
    assert loaded.facts["threads"] == 2


def test_an_artifact_of_another_float_model_is_refused(
    artifacts: list[Path], candidate: Callable[..., Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = candidate("other.keras", source="not what the artifact was made from")
    monkeypatch.setattr(run, "keras_candidate", lambda path, threads: other)
    plan = replace(COMPARED, artifacts=(artifacts[0],))
    with pytest.raises(UsageError, match=r"was not made from other\.keras\. Give --float-model"):
        load_candidates(plan)


def test_the_float_model_comes_first_and_agrees_with_itself(
    artifacts: list[Path],
    float_file: Path,
    drawn: EvaluationFaces,
    any_threads: None,
) -> None:
    plan = replace(PLAN, artifacts=tuple(artifacts), float_model=float_file)
    found = load_candidates(plan)
    assert found.rows[0] is found.reference
    landmarks, pose = found.reference.outputs(drawn.crops)
    expected, expected_pose = load_float_model(float_file).predict(drawn.crops)
    np.testing.assert_allclose(landmarks, expected, atol=1e-5)
    np.testing.assert_allclose(pose, expected_pose, atol=1e-3)
    keras, float32, int8 = measure_candidates(plan, found, drawn, unseen).results
    assert (keras["format"], keras["bytes"]) == ("keras", float_file.stat().st_size)
    assert keras["parameters"] == float32["parameters"] == int8["parameters"]
    assert keras["multiply_adds"] == float32["multiply_adds"]
    assert float32["accuracy"]["deviation_iod_percent"] < 0.01
    assert 0.01 < int8["accuracy"]["deviation_iod_percent"] < 2


def test_faces_of_another_size_than_the_models_are_told(
    artifacts: list[Path], drawn: EvaluationFaces
) -> None:
    # as when artifacts of two crop sizes are compared in one run
    plan = replace(PLAN, artifacts=(artifacts[0],))
    larger = replace(drawn, crops=np.zeros((3, 128, 128, 3), np.uint8), crop=CropRule(size=128))
    with pytest.raises(UsageError, match="of one crop rule and scheme"):
        measure_candidates(plan, load_candidates(plan), larger, unseen)
