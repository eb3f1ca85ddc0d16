"""Tables: a record as people read it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from json_rows import measured_rows
from rich.console import Console

from asmnet_edge.benchmarks.cases import BenchmarkPlan, Case, LatencyPlan
from asmnet_edge.benchmarks.evaluation_faces import FaceSource
from asmnet_edge.benchmarks.phases import MeasuredCase
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.benchmarks.report.tables import tables
from asmnet_edge.benchmarks.session import measure_all

FAILED = {"name": "broken.onnx", "key": "broken.onnx", "error": "it fell over. Pick it up"}


def text_of(record: BenchmarkRecord) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(tables(record.typed))
    return console.file.getvalue()


def lines_with(text: str, words: str) -> list[list[str]]:
    """The cells of each table's line that begins so."""
    lines = [line.strip() for line in text.splitlines()]
    return [line.removeprefix(words).split() for line in lines if line.startswith(words + "  ")]


@pytest.fixture
def recorded(
    measured: Callable[..., MeasuredCase], short: LatencyPlan, source: FaceSource
) -> Callable[..., BenchmarkRecord]:
    """A record of a float model, one that is 3 points worse, and one that failed."""

    def measure(compared: bool = True) -> BenchmarkRecord:
        reference = measured("float.keras" if compared else "float.onnx", 0.02)
        worse = measured("w", 0.05, precision="int8", operators={"total": 67, "int8": 65})
        rows = [
            reference,
            worse,
            MeasuredCase(Case(Path("broken.onnx")), None, CaseResult(**FAILED)),
        ]
        plan = BenchmarkPlan(tuple(row.case for row in rows), short)
        record = measure_all(plan, rows, source, lambda what, steps: lambda: None)
        for row in record.content["results"][:2]:
            row["latency_ms"] |= {"p50": 1.234, "p90": 2.345, "p99": 3.456, "mean": 2,
                                  "throughput": 500}  # fmt: skip
            row["unsteady"] = []
        return record

    return measure


def test_a_row_has_all_figures_of_a_model(recorded: Callable[..., BenchmarkRecord]) -> None:
    speed, accuracy = lines_with(text_of(recorded()), "fake int8")
    assert speed == ["2.50", "97", "%", "1.23", "2.35", "3.46", "2.00", "500"]
    assert accuracy[:6] == ["5.00", "+3.000", "[+3.000,", "+3.000]", "0.0", "0.00"]
    assert accuracy[6] == "3.00"


def test_the_float_model_is_compared_with_itself(recorded: Callable[..., BenchmarkRecord]) -> None:
    _, accuracy = lines_with(text_of(recorded()), "fake float32")
    assert accuracy[:4] == ["2.00", "+0.000", "[+0.000,", "+0.000]"]


def test_the_pose_is_the_mean_over_its_axes(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    record.content["results"][1]["accuracy"]["pose_mae"] = {"yaw": 1.5, "pitch": 2.5, "roll": 0.5}
    assert lines_with(text_of(record), "fake int8")[1][5] == "1.50"


def test_an_interval_stands_beside_the_median(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    record.content["results"][1]["latency_ms"]["intervals"] = {"p50": [1.2, 1.3]}
    assert lines_with(text_of(record), "fake int8")[0][3:5] == ["1.23", "±0.05"]


def test_waiting_times_have_a_separate_table(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    names = ("decode", "detect", "crop", "infer", "total")
    record.content["results"][1]["stages_ms"] = {
        n: {"p50": i, "p90": i} for i, n in enumerate(names)
    }
    cold = {"total_ms": 210, "peak_rss_mib": 70, "installed_bytes": 300_000_000}
    record.content["results"][1]["cold_start"] = cold
    felt = lines_with(text_of(record), "fake int8")[2]
    assert felt == ["0.00", "1.00", "2.00", "3.00", "4.00", "210", "70", "300"]


def test_a_failed_row_is_in_the_table_and_its_reason_below(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    text = text_of(recorded())
    assert lines_with(text, "broken.onnx")[0] == ["failed"]
    assert "broken.onnx: it fell over. Pick it up" in text


def test_drawn_faces_claim_no_accuracy(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    for row in measured_rows(record):
        row["accuracy"] |= {"nme": None, "nme_drop": None, "failure_rate": None, "pose_mae": None}
    record.content["settings"]["faces"]["drawn"] = True
    text = text_of(record)
    assert "NME %" not in text
    assert "no accuracy on real ones" in text
    assert lines_with(text, "fake int8")[1][0] == "3.00"


def test_drawn_faces_with_annotations_are_no_real_ones_either(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    assert "no accuracy on real ones" not in text_of(record)
    record.content["settings"]["faces"]["drawn"] = True
    assert "no accuracy on real ones" in text_of(record)
    del record.content["settings"]["faces"]["drawn"]  # as early records
    record.content["settings"]["faces"]["on"] = "synthetic test"
    assert "no accuracy on real ones" in text_of(record)


def test_an_interrupted_run_on_photos_does_not_call_them_drawn(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    for row in measured_rows(record):
        del row["accuracy"]
    assert "no accuracy on real ones" not in text_of(record)


def test_without_a_float_model_there_is_no_deviation_and_a_note_how_to_get_it(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    cure = (
        "no drop, no deviation: leave out --no-float (it needs Keras), or add the float32 artifact"
    )
    text = text_of(recorded(compared=False))
    assert "deviation %" not in text
    assert cure in text
    assert cure not in text_of(recorded())


@pytest.mark.parametrize(("seconds", "words"), [(12.1, "12 seconds"), (1801.0, "30 minutes")])
def test_endurance_is_given_in_the_unit_that_fits(
    recorded: Callable[..., BenchmarkRecord], seconds: float, words: str
) -> None:
    record = recorded()
    record.content["results"][1]["sustained"] = {
        **{"seconds": seconds, "first_p50": 2.0, "last_p50": 2.4, "change_percent": 20.0},
        "points": [],
    }
    line = f"fake int8, sustained for {words}: p50 2.00 ms at first, 2.40 ms at the end (+20.0 %)"
    assert line in text_of(record)


def test_a_row_that_failed_after_its_latency_is_marked(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    record.content["results"][1]["error"] = "its process ended"
    text = text_of(record)
    assert lines_with(text, "fake int8 (failed)")[0]
    assert "w: its process ended" in text


def test_rows_that_would_be_called_the_same_are_called_by_their_keys(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    for row, key in zip(
        record.content["results"][:2], ("old/a.tflite", "new/a.tflite"), strict=True
    ):
        row |= {"key": key, "precision": "int8"}
    text = text_of(record)
    assert lines_with(text, "old/a.tflite")
    assert lines_with(text, "new/a.tflite")
    assert not lines_with(text, "fake int8")


def test_cores_that_rows_were_pinned_to_are_named(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    record.content["results"][1]["cpus"] = [0, 1]
    assert "fake int8: pinned to core 0, 1" in text_of(record)


def test_an_unsteady_row_is_marked_and_has_the_reason(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    record.content["results"][1]["unsteady"] = ["p90 is 1.90 times p50", "it rained"]
    text = text_of(record)
    assert "~1.23" in lines_with(text, "fake int8")[0]
    assert "~1.23" not in lines_with(text, "fake float32")[0]
    assert "~ fake int8: p90 is 1.90 times p50; it rained" in text


def test_a_doubt_that_rows_share_stands_once(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    for row, cores in zip(measured_rows(record), (1.3, 1.4), strict=True):
        row["unsteady"] = [f"other processes kept {cores} cores busy"]
    assert "~ all rows: other processes kept 1.3 to 1.4 cores busy" in text_of(record)


def test_an_interrupted_run_is_marked(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    record.content["interrupted"] = True
    assert "~ the run was interrupted" in text_of(record)


def test_the_title_has_machine_and_faces(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    device: dict[str, Any] = record.content["device"]
    device |= {"board": None, "cpu": "Example CPU", "cores": 4}
    title = "Example CPU, 4 cores, 1 thread, 3 faces (three faces)"
    assert text_of(record).splitlines()[0].strip() == title
    device["board"] = "Raspberry Pi 5"
    assert text_of(record).startswith("Raspberry Pi 5, 4 cores")


def test_what_the_copy_lacks_of_the_faces_is_a_note(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    assert "lacks" not in text_of(record)
    record.content["settings"]["faces"]["missing"] = [{"part": "ibug", "faces": 2}]
    text = text_of(record)
    assert "3 of 5 faces (three faces)" in text
    assert "three faces: without ibug (2), which this copy lacks" in text


def test_rows_of_one_file_have_different_labels(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    record.content["results"][0] |= {"key": "a.onnx in openvino, 2 threads", "threads": 2}
    assert lines_with(text_of(record), "fake float32 fake 2t")


def test_the_notes_have_size_and_work(recorded: Callable[..., BenchmarkRecord]) -> None:
    assert "1,439,507 parameters, 256.5 M multiply-adds" in text_of(recorded())
