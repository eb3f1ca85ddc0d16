"""``asmnet-edge convert`` and then ``benchmark``, as a person would."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from asmnet_edge.benchmarks.cases import BenchmarkOptions, duration, subset_of, thread_counts
from asmnet_edge.datasets.synthetic import DrawnFaces

DOCS = Path(__file__).parents[2] / "docs"
Run = Callable[..., Any]
QUICK = ("--queries", "8", "--seconds", "0", "--no-cold")


@pytest.fixture(scope="module")
def artifacts(made: Path) -> list[Path]:
    """The small model as TFLite: float32, int8."""
    return [made / "tiny-float32.tflite", made / "tiny-int8.tflite"]


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


def test_a_row_has_size_and_work(record: dict[str, Any], artifacts: list[Path]) -> None:
    sizes = [path.stat().st_size for path in artifacts]
    assert [row["bytes"] for row in record["results"]][1:] == sizes
    assert len({row["parameters"] for row in record["results"]}) == 1
    assert len({row["multiply_adds"] for row in record["results"]}) == 1


def test_a_row_has_latency(record: dict[str, Any]) -> None:
    for row in record["results"]:
        latency = row["latency_ms"]
        assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
        assert latency["calls"] == sum(map(len, latency["rounds"])) >= 8
        assert len(latency["notes"]) == len(latency["rounds"]) == 12
        assert row["threads"] == 1


def test_a_row_has_accuracy(record: dict[str, Any]) -> None:
    keras, float32, int8 = (row["accuracy"] for row in record["results"])
    assert (keras["nme_drop"], keras["deviation_iod_percent"]) == (0, 0)
    assert float32["nme"] == pytest.approx(keras["nme"], abs=0.01)
    assert float32["deviation_iod_percent"] < 0.01
    assert int8["nme_drop"] == pytest.approx(int8["nme"] - keras["nme"])
    assert 0.01 < int8["deviation_iod_percent"] < 2
    assert {row["faces"] for row in (keras, float32, int8)} == {6}


def test_the_record_has_the_machine_and_the_settings(record: dict[str, Any]) -> None:
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
    for words in ("keras float32", "tflite float32", "tflite int8", "NME %", "drop", "p99", "all"):
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


def test_a_record_fits_its_schema(record: dict[str, Any]) -> None:
    schema = json.loads((DOCS / "benchmark-record.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(record, schema)
    broken = {**record, "results": [{**record["results"][0], "latency_ms": {"p50": "fast"}}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_a_record_becomes_a_page_and_is_not_written_over(
    asmnet_edge: Run, record: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    assert asmnet_edge("benchmark", "report", path).out.strip() == str(tmp_path / "record.html")
    assert "<svg" in (tmp_path / "record.html").read_text()
    assert asmnet_edge("benchmark", "report", path).code == 2
    assert asmnet_edge("benchmark", "report", path, "--output", tmp_path / "r.csv").code == 0
    assert asmnet_edge("benchmark", "report", path, "--output", tmp_path / "r.pdf").code == 2


def test_comparing_a_record_with_itself_finds_no_regression(
    asmnet_edge: Run, record: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    ended = asmnet_edge("benchmark", "compare", path, path, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["regressions"] == 0


def test_a_regression_is_exit_code_1(
    asmnet_edge: Run, record: dict[str, Any], tmp_path: Path
) -> None:
    slower = json.loads(json.dumps(record))
    latency = slower["results"][2]["latency_ms"]
    latency["rounds"] = [[10 * sample for sample in r] for r in latency["rounds"]]
    slower["taken"] = "2027-01-01T00:00:00+00:00"
    for path, content in ((tmp_path / "a.json", record), (tmp_path / "b.json", slower)):
        path.write_text(json.dumps(content))
    ended = asmnet_edge("benchmark", "compare", tmp_path / "a.json", tmp_path / "b.json")
    assert ended.code == 1
    assert "worse than before: tiny-int8.tflite (p50 ms" in ended.complaint


def test_something_to_ship_is_recommended(
    asmnet_edge: Run, record: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    ended = asmnet_edge("benchmark", "recommend", path, "--fps", "1", "--max-nme-drop", "9")
    assert (ended.code, ended.out.startswith("Ship tiny-")) == (0, True)
    ended = asmnet_edge("benchmark", "recommend", path, "--fps", "1000000")
    assert ended.code == 1
    assert "nothing meets the needs" in ended.complaint


def test_an_interrupted_run_keeps_what_it_measured(artifacts: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    command = [sys.executable, "-m", "asmnet_edge", "benchmark", "run", str(artifacts[1])]
    options = ["--no-float", "--no-cold", "--seconds", "600", "--output", str(path)]
    run = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # see below
    )
    assert run.stderr
    for line in run.stderr:
        if line.startswith("latency"):
            break
    time.sleep(4)
    # what a shell starts with & in a script ignores it, and so would all that these tests start
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    record = json.loads(path.read_text())
    assert record["interrupted"] is True


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ((), "there is nothing to benchmark"),
        (("a.tflite", "--threads", "0"), "--threads takes 1, 1,2, all or 1..all"),
        (("a.tflite", "--cpus", "big"), "--cpus takes any, fastest or numbers"),
        (("a.tflite", "--runtimes", "torch"), "no runtime is called 'torch'"),
        (("a.tflite", "--sustain", "long"), "a time is written 90, 90s, 30m or 1h"),
        (("a.tflite", "--ssh", "x", "--data", "300w:no"), "there is no no"),
    ],
)
def test_wrong_use_is_refused_at_once(
    asmnet_edge: Run, words: tuple[str, ...], reported: str
) -> None:
    ended = asmnet_edge("benchmark", "run", *words, "--no-float")
    assert ended.code == 2
    assert reported in ended.complaint


def test_threads_and_times_are_read_as_people_write_them() -> None:
    assert thread_counts("1,4", 8) == [1, 4]
    assert thread_counts("all", 6) == [6]
    assert thread_counts("1..all", 6) == [1, 2, 4, 6]
    assert [duration(w) for w in ("90", "90s", "30m", "1h")] == [90, 90, 1800, 3600]


def test_a_data_set_of_one_subset_needs_no_name_for_it() -> None:
    class Table(DrawnFaces):
        subsets = ("train",)

    assert subset_of(Table(1), None) == "train"
    assert subset_of(Table(1), "test") == "test"
    assert subset_of(DrawnFaces(1), None) == "common"


def test_the_float_model_is_measured_with_each_number_of_threads() -> None:
    artifacts, model = (Path("a.tflite"),), Path("f.keras")
    plan = BenchmarkOptions(artifacts=artifacts, float_model=model, threads="1,2").plan()
    keys = ["f.keras", "f.keras, 2 threads", "a.tflite", "a.tflite, 2 threads"]
    assert [case.key for case in plan.cases] == keys
