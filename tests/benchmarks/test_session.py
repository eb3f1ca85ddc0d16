"""A run: everything in turns, drops against the float model, and a broken row is one row."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from json_rows import failed_rows

from asmnet_edge.benchmarks import phases, session
from asmnet_edge.benchmarks.cases import BenchmarkOptions, BenchmarkPlan, Case, LatencyPlan
from asmnet_edge.benchmarks.evaluation_faces import FaceSource
from asmnet_edge.benchmarks.phases import MeasuredCase, check_source
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import AccuracyResult, CaseResult, Jitter
from asmnet_edge.benchmarks.report.notes import notes
from asmnet_edge.benchmarks.session import measure_all, run_benchmark
from asmnet_edge.errors import ModelError, UsageError

Make = Callable[..., MeasuredCase]


def unseen(what: str, steps: int) -> Callable[[], None]:
    """Progress that nobody watches."""
    return lambda: None


@pytest.fixture
def measure(short: LatencyPlan, source: FaceSource) -> Callable[..., BenchmarkRecord]:
    """Runs these rows."""

    def run_them(*rows: MeasuredCase, progress: Any = unseen, **more: Any) -> BenchmarkRecord:
        plan = BenchmarkPlan(tuple(row.case for row in rows), **{"latency": short, **more})
        return measure_all(plan, rows, source, progress)

    return run_them


# measuring


def test_each_candidate_is_a_row_in_its_order(measured: Make, measure: Any) -> None:
    record = measure(*(measured(f"{name}.tflite") for name in "abc"))
    assert [row["key"] for row in record.content["results"]] == ["a.tflite", "b.tflite", "c.tflite"]
    for row in record.content["results"]:
        assert row["latency_ms"]["calls"] == 4
        assert len(row["latency_ms"]["notes"]) == 2
        assert isinstance(row["unsteady"], list)
        assert len(row["latency_ms"]["rounds"]) == 2
    assert record.content["interrupted"] is False


def test_drops_are_against_the_float_model(measured: Make, measure: Any) -> None:
    rows = measured("float.keras", 0.02), measured("same.onnx", 0.02), measured("worse.onnx", 0.05)
    record = measure(*rows)
    figures = [row["accuracy"] for row in record.content["results"]]
    assert [each["nme_drop"] for each in figures] == pytest.approx([0, 0, 3])
    assert [each["nme"] for each in figures] == pytest.approx([2, 2, 5])
    assert figures[1]["nme_drop_interval"] == [0, 0]
    assert figures[2]["nme_drop_interval"] == pytest.approx([3, 3])
    assert len(figures[2]["errors"]) == 3
    assert record.content["settings"]["reference"] == "float.keras"


def test_deviation_is_given_by_region_in_both_units(measured: Make, measure: Any) -> None:
    record = measure(measured("float.keras"), measured("worse.onnx", 0.05))
    reported = record.content["results"][1]["accuracy"]["deviation_by_region"]
    assert reported.keys() == {"jaw", "left_brow", "right_brow", "nose", "left_eye", "right_eye",
                           "mouth"}  # fmt: skip
    for figures in reported.values():
        assert figures["iod_percent"] == pytest.approx(5)
        assert figures["pixels"] > 0


def test_without_a_float_model_nothing_is_compared(measured: Make, measure: Any) -> None:
    record = measure(measured("a.onnx"), measured("b.onnx", 0.05))
    for row in record.content["results"]:
        assert row["accuracy"]["nme_drop"] is None
        assert row["accuracy"]["deviation_iod_percent"] is None
    assert record.content["settings"]["reference"] is None


def test_on_a_device_drops_are_against_the_float32_artifact(measured: Make, measure: Any) -> None:
    plain = measured("plain.onnx", 0.02, precision="float32")
    other = measured("other.onnx", 0.05, source="another")
    record = measure(measured("int8.onnx", 0.05), other, plain)  # wherever it stands
    assert [row["accuracy"]["nme_drop"] for row in record.content["results"]] == pytest.approx(
        [3, None, 0]
    )
    assert record.content["settings"]["reference"] == "plain.onnx"
    assert "against plain.onnx" in " ".join(notes(record.typed))


def test_what_is_measured_beside_has_no_drop(measured: Make, measure: Any) -> None:
    peer = measured("peer.onnx", 0.05, source="another")
    peer.case = replace(peer.case, compared=False)
    record = measure(measured("float.keras"), peer)
    assert record.content["results"][1]["accuracy"]["nme"] == pytest.approx(5)
    assert record.content["results"][1]["accuracy"]["nme_drop"] is None


def test_a_row_that_did_not_open_keeps_its_place(measured: Make, measure: Any) -> None:
    failed = {"name": "broken.onnx", "key": "broken.onnx", "error": "it fell over"}
    broken = MeasuredCase(Case(Path("broken.onnx")), None, CaseResult(**failed))
    record = measure(measured("first.onnx"), broken, measured("last.onnx", 0.05))
    assert [r["key"] for r in record.content["results"]] == [
        "first.onnx",
        "broken.onnx",
        "last.onnx",
    ]
    assert failed_rows(record) == [failed]
    assert record.content["results"][2]["accuracy"]["nme"] == pytest.approx(5)


def test_a_row_that_breaks_later_keeps_its_latency_and_the_reason(
    measured: Make, measure: Any
) -> None:
    broken = measured("broken.onnx")

    def outputs(crops: np.ndarray) -> None:
        raise ModelError("gives numbers that are not finite")

    broken.runner.outputs = outputs
    record = measure(broken, measured("whole.onnx"))
    assert failed_rows(record) == [record.content["results"][0]]
    assert record.content["results"][0]["error"] == "gives numbers that are not finite"
    assert record.content["results"][0]["latency_ms"]["calls"] == 4
    assert "accuracy" in record.content["results"][1]


def test_a_float_model_that_breaks_leaves_drops_to_its_float32_artifact(
    measured: Make, measure: Any
) -> None:
    rows = [measured("float.keras", 0.02), measured("int8.onnx", 0.05)]
    rows.append(measured("plain.onnx", 0.03, precision="float32"))

    def warm_up(seconds: float) -> None:
        raise ModelError("out of memory")

    rows[0].runner.warm_up = warm_up
    record = measure(*rows)
    assert failed_rows(record) == [record.content["results"][0]]
    assert [row["accuracy"]["nme_drop"] for row in record.content["results"][1:]] == pytest.approx(
        [2, 0]
    )
    assert record.content["settings"]["reference"] == "plain.onnx"


def test_a_float_model_that_breaks_later_is_still_what_drops_are_against(
    measured: Make, measure: Any, short: LatencyPlan
) -> None:
    rows = measured("float.keras", 0.02), measured("plain.onnx", 0.03, precision="float32")

    def stages(picture: bytes, calls: int) -> None:
        raise ModelError("it fell over")

    rows[0].runner.stages = stages
    record = measure(*rows, latency=replace(short, stage_calls=1))
    assert record.content["results"][0]["error"] == "it fell over"
    assert record.content["settings"]["reference"] == "float.keras"
    assert record.content["results"][1]["accuracy"]["nme_drop"] == pytest.approx(1)


def test_a_model_that_collapsed_is_one_failed_row(
    measured: Make, measure: Any, tmp_path: Path
) -> None:
    flat, whole = measured("flat.onnx"), measured("whole.onnx", 0.05)
    flat.runner.model.backend.run = lambda crop: (np.full((68, 2), 0.5), np.zeros(3))
    record = measure(flat, whole)
    assert "puts both eyes of a face in one place" in record.content["results"][0]["error"]
    assert record.content["results"][1]["accuracy"]["nme"] == pytest.approx(5)
    record.save(tmp_path / "record.json")


def test_figures_that_are_no_numbers_fail_their_row_and_are_left_out(
    measured: Make, measure: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(phases, "jitter", lambda *given: Jitter(float("nan"), 1.0))
    record = measure(measured("a.onnx"))
    assert (
        record.content["results"][0]["error"] == "accuracy: a figure of a.onnx is no finite number"
    )
    assert "accuracy" not in record.content["results"][0]
    record.save(tmp_path / "record.json")


def test_a_surprise_is_one_failed_row(measured: Make, measure: Any) -> None:
    odd = measured("odd.onnx")

    def outputs(crops: np.ndarray) -> None:
        raise KeyError("landmarks")

    odd.runner.outputs = outputs
    record = measure(odd, measured("whole.onnx", 0.05))
    assert record.content["results"][0]["error"] == "KeyError: 'landmarks'"
    assert record.content["results"][1]["accuracy"]["nme"] == pytest.approx(5)


def test_a_twin_of_a_row_that_broke_is_asked_itself(
    measured: Make, measure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = measured("a.onnx"), measured("a.onnx")
    two.case = replace(two.case, threads=2)
    calls: list[int] = []

    def breaks_once(*given: Any) -> AccuracyResult:
        calls.append(1)
        if len(calls) == 1:
            raise TypeError("odd")
        return AccuracyResult(nme=1.0)

    monkeypatch.setattr(phases, "accuracy", breaks_once)
    record = measure(one, two)
    assert record.content["results"][0]["error"] == "TypeError: odd"
    assert record.content["results"][1]["accuracy"]["nme"] == 1


def test_a_phase_that_breaks_is_a_warning_and_the_others_go_on(
    measured: Make, measure: Any, short: LatencyPlan, source: FaceSource
) -> None:
    def gone() -> None:
        raise OSError("the picture is gone")

    source.picture = gone  # type: ignore[assignment]
    record = measure(measured("a.onnx"), latency=replace(short, stage_calls=1), sustain=0.1)
    assert record.content["warnings"] == ["stages ended early: OSError: the picture is gone"]
    assert record.content["interrupted"] is True
    assert "sustained" in record.content["results"][0]


def test_a_save_on_the_way_that_fails_is_a_warning(
    measured: Make, short: LatencyPlan, source: FaceSource
) -> None:
    def save(record: BenchmarkRecord) -> None:
        raise UsageError("cannot write record.json: No space left on device")

    row = measured("a.onnx")
    record = measure_all(BenchmarkPlan((row.case,), short), [row], source, unseen, save)
    assert record.content["warnings"] == [
        "the record could not be saved on the way: "
        "cannot write record.json: No space left on device"
    ]
    assert record.content["interrupted"] is False


def test_failures_alone_are_a_record_too(measure: Any) -> None:
    failed = {"name": "broken.onnx", "key": "broken.onnx", "error": "it fell over"}
    record = measure(MeasuredCase(Case(Path("broken.onnx")), None, CaseResult(**failed)))
    assert record.content["results"] == failed_rows(record) == [failed]


@pytest.mark.parametrize("phase", ["latency", "accuracy"])
def test_an_interruption_keeps_what_was_measured(measured: Make, measure: Any, phase: str) -> None:
    def progress(what: str, steps: int) -> Callable[[], None]:
        left = [steps - 1]

        def tick() -> None:
            left[0] -= 1
            if what == phase and left[0] <= 0:
                raise KeyboardInterrupt

        return tick

    record = measure(measured("a.onnx"), measured("b.onnx"), progress=progress)
    assert record.content["interrupted"] is True
    first = record.content["results"][0]
    assert first["latency_ms"]["calls"] == 4
    assert ("accuracy" in first) == (phase == "accuracy")


def test_a_row_that_was_not_reached_has_that_error(measured: Make, measure: Any) -> None:
    def progress(what: str, steps: int) -> Callable[[], None]:
        def tick() -> None:
            raise KeyboardInterrupt

        return tick

    record = measure(measured("a.onnx"), measured("b.onnx"), progress=progress)
    reached, other = sorted(record.content["results"], key=lambda row: "error" in row)
    assert "latency_ms" in reached
    assert other["error"] == "interrupted before it was measured"


def test_what_was_measured_is_saved_between_phases(
    measured: Make, short: LatencyPlan, source: FaceSource
) -> None:
    saved: list[BenchmarkRecord] = []
    row = measured("a.onnx")
    plan = BenchmarkPlan((row.case,), short)
    measure_all(plan, [row], source, unseen, saved.append)
    assert len(saved) == len(phases.PHASES)
    assert all(record.content["interrupted"] for record in saved)
    assert "latency_ms" in saved[0].content["results"][0]


def test_a_long_phase_is_saved_on_the_way(
    measured: Make, short: LatencyPlan, source: FaceSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SAVE_EVERY", 0.0)
    saved: list[BenchmarkRecord] = []
    row = measured("a.onnx")
    measure_all(BenchmarkPlan((row.case,), short), [row], source, unseen, saved.append)
    assert len(saved[0].content["results"][0]["latency_ms"]["rounds"]) == 1


def test_the_record_has_the_settings(measured: Make, measure: Any) -> None:
    settings = measure(measured("a.onnx")).content["settings"]
    assert settings["threads"] == [1]
    assert settings["kind"] == "quick"
    assert (settings["latency"]["queries"], settings["latency"]["rounds"]) == (4, 2)
    assert settings["faces"]["count"] == 3
    assert settings["faces"]["on"] == "three faces"
    assert settings["faces"]["crop"] == {"margin": 1.25, "size": 96}
    assert len(settings["faces"]["sha256"]) == 64


def test_progress_goes_as_far_as_announced(measured: Make, measure: Any) -> None:
    printed: dict[str, int] = {}
    went = dict.fromkeys(("latency", "accuracy"), 0)

    def progress(what: str, steps: int) -> Callable[[], None]:
        printed[what] = steps
        return lambda: went.update({what: went[what] + 1})

    measure(*(measured(f"{name}.onnx") for name in "abc"), progress=progress)
    assert went == printed == {"latency": 6, "accuracy": 3}


def test_the_stages_of_a_picture_are_timed(
    measured: Make, measure: Any, short: LatencyPlan
) -> None:
    record = measure(measured("a.onnx"), latency=replace(short, stage_calls=3))
    stages = record.content["results"][0]["stages_ms"]
    assert list(stages) == ["decode", "detect", "crop", "infer", "restore", "total", "track"]
    assert all(figures["calls"] == 3 and figures["p50"] > 0 for figures in stages.values())
    assert stages["total"]["p50"] >= stages["detect"]["p50"]


def test_sustained_latency_is_a_curve(measured: Make, measure: Any) -> None:
    reported = measure(measured("a.onnx"), sustain=2.2).content["results"][0]["sustained"]
    assert [point["at"] for point in reported["points"]] == pytest.approx([0, 1, 2], abs=0.7)
    assert reported["seconds"] == pytest.approx(2.2, abs=0.7)
    assert reported["first_p50"] > 0
    assert reported.keys() >= {"start_celsius", "cooled_seconds"}


def test_pictures_are_kept_when_asked_for(measured: Make, measure: Any) -> None:
    rows = measured("float.keras"), measured("worse.onnx", 0.05)
    assert measure(*rows).content["portraits"] == []
    rows = measured("float.keras"), measured("worse.onnx", 0.05)
    portraits = measure(*rows, pictures=True).content["portraits"]
    assert [p["row"] for p in portraits] == ["worse.onnx"] * 3
    assert portraits[0]["deviation_iod_percent"] == pytest.approx(5)


# opening


def test_an_artifact_of_another_float_model_is_refused(measured: Make) -> None:
    rows = [measured("float.keras"), measured("a.onnx", source="not this one")]
    with pytest.raises(UsageError, match=r"a\.onnx was not made from float\.keras\. Give --float"):
        check_source(rows)


def test_rows_of_another_scheme_are_refused(
    measured: Make, measure: Any, square_scheme: Any
) -> None:
    row = measured("a.onnx")
    row.runner.scheme = square_scheme
    with pytest.raises(UsageError, match=r"a\.onnx gives square4, the faces are ibug68"):
        measure(row)


def test_real_rows_run_in_separate_processes(
    artifacts: list[Path], float_file: Path, tmp_path: Path, short: LatencyPlan
) -> None:
    broken = tmp_path / artifacts[1].name
    broken.write_bytes(artifacts[1].read_bytes()[:5000])
    manifest = artifacts[1].with_name(artifacts[1].name + ".json")
    (tmp_path / manifest.name).write_bytes(manifest.read_bytes())
    paths = (float_file, *artifacts, broken, tmp_path / "gone.tflite")
    options = BenchmarkOptions(float_model=float_file, artifacts=paths[1:], data="synthetic:3",
                               subset="test")  # fmt: skip
    latency = replace(short, cold_starts=1)
    plan = BenchmarkPlan(tuple(map(Case, paths)), latency)
    saved: list[BenchmarkRecord] = []
    record = run_benchmark(options, save=saved.append, plan=plan)
    assert saved[-1].content["results"] == record.content["results"]
    keras, float32, int8, cut_off, gone = record.content["results"]
    assert (keras["format"], keras["bytes"]) == ("keras", float_file.stat().st_size)
    assert keras["parameters"] == float32["parameters"] == int8["parameters"]
    assert int8["operators"] == {"total": 67, "int8": 65}
    assert float32["accuracy"]["deviation_iod_percent"] < 0.01
    assert 0.01 < int8["accuracy"]["deviation_iod_percent"] < 2
    assert "not the file that its manifest was written for" in cut_off["error"]
    assert "there is no artifact" in gone["error"]
    for row in (float32, int8):
        cold = row["cold_start"]
        assert 0 < cold["load_ms"] < cold["total_ms"]
        assert cold["peak_rss_mib"] > 20
        assert "numpy" in cold["packages"]
        assert "tensorflow" not in cold["packages"]
