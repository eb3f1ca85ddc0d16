"""``asmnet-edge convert`` and then ``benchmark``, as a person would."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
QUICK = ("--queries", "8", "--seconds", "0")


@pytest.fixture(scope="module")
def artifacts(float_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The TFLite files that the command makes of the small model: float32, int8."""
    folder = tmp_path_factory.mktemp("artifacts")
    command = [sys.executable, "-m", "asmnet_edge", "convert", "tflite", str(float_file)]
    options = ["--data", "synthetic:16", "--output", "."]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "tiny-int8.tflite" in done.stdout
    assert "65 of 67" in done.stdout
    return [folder / "tiny-float32.tflite", folder / "tiny-int8.tflite"]


@pytest.fixture(scope="module")
def record(
    float_file: Path, artifacts: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What ``--json`` prints for both artifacts and the float model, on annotated drawn faces."""
    path = tmp_path_factory.mktemp("record") / "record.json"
    command = [sys.executable, "-m", "asmnet_edge", "benchmark", "run", *map(str, artifacts)]
    options = ["--float-model", str(float_file), "--data", "synthetic:6", "--subset", "test"]
    output = ["--json", "--output", str(path)]
    done = subprocess.run([*command, *options, *QUICK, *output], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    assert printed == json.loads(path.read_text())
    return printed


@pytest.fixture
def without_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on most devices."""
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "keras" else find(name))


def test_there_is_a_row_for_the_float_model_and_each_artifact(record: dict[str, Any]) -> None:
    rows = [(row["format"], row["precision"]) for row in record["results"]]
    assert rows == [("keras", "float32"), ("tflite", "float32"), ("tflite", "int8")]


def test_a_row_tells_size_and_work(record: dict[str, Any], artifacts: list[Path]) -> None:
    sizes = [path.stat().st_size for path in artifacts]
    assert [row["bytes"] for row in record["results"]][1:] == sizes
    assert len({row["parameters"] for row in record["results"]}) == 1
    assert len({row["multiply_adds"] for row in record["results"]}) == 1


def test_a_row_tells_latency(record: dict[str, Any]) -> None:
    for row in record["results"]:
        latency = row["latency_ms"]
        assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
        assert latency["calls"] == len(latency["samples"]) >= 8
        assert row["threads"] == 1


def test_a_row_tells_accuracy(record: dict[str, Any]) -> None:
    keras, float32, int8 = (row["accuracy"] for row in record["results"])
    assert (keras["nme_drop"], keras["deviation_iod_percent"]) == (0, 0)
    assert float32["nme"] == pytest.approx(keras["nme"], abs=0.01)
    assert float32["deviation_iod_percent"] < 0.01
    assert int8["nme_drop"] == pytest.approx(int8["nme"] - keras["nme"])
    assert 0.01 < int8["deviation_iod_percent"] < 2
    assert {row["faces"] for row in (keras, float32, int8)} == {6}


def test_the_record_tells_the_machine_and_the_settings(record: dict[str, Any]) -> None:
    assert record["device"]["cores"] >= 1
    assert record["settings"]["reference"] == "tiny.keras"
    assert record["settings"]["latency"]["queries"] == 8
    faces = record["settings"]["faces"]
    assert (faces["count"], faces["on"], faces["missing"]) == (6, "synthetic test", [])


def test_a_record_can_be_shown_again(
    asmnet_edge: Run, record: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "record.json").write_text(json.dumps(record))
    ended = asmnet_edge("benchmark", "show", tmp_path / "record.json")
    assert ended.code == 0
    for words in ("keras float32", "tflite float32", "tflite int8", "NME %", "drop", "p99"):
        assert words in ended.out


def test_without_keras_there_is_no_float_row(
    asmnet_edge: Run, artifacts: list[Path], without_keras: None
) -> None:
    ended = asmnet_edge("benchmark", "run", artifacts[1], *QUICK, "--json")
    assert ended.code == 0
    assert "No float row" in ended.err
    (row,) = json.loads(ended.out)["results"]
    assert row["precision"] == "int8"
    assert row["accuracy"]["nme_drop"] is None


def test_a_broken_artifact_is_a_failed_row_and_the_others_are_measured(
    asmnet_edge: Run, artifacts: list[Path], without_keras: None, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(artifacts[1].read_bytes()[:1000])
    broken.with_name("broken.tflite.json").write_text(
        Path(f"{artifacts[1]}.json").read_text().replace("tiny-int8", "broken")
    )
    output = ("--json", "--output", tmp_path / "record.json")
    ended = asmnet_edge("benchmark", "run", broken, artifacts[0], *QUICK, *output)
    assert ended.code == 1
    assert "could not be measured: broken.tflite" in ended.complaint
    failed, measured = json.loads(ended.out)["results"]
    assert "is not the file that its manifest was written for" in failed["error"]
    assert measured["latency_ms"]["calls"] >= 8
    assert json.loads((tmp_path / "record.json").read_text())["results"] == [failed, measured]


def test_an_artifact_of_another_float_model_is_refused(artifacts: list[Path]) -> None:
    # the shipped float model is the one to compare with when none is given
    command = [sys.executable, "-m", "asmnet_edge", "benchmark", "run", str(artifacts[0]), *QUICK]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "tiny-float32.tflite was not made from asmnet68.keras" in done.stderr
    assert "Give --float-model" in done.stderr
    assert "Traceback" not in done.stderr
