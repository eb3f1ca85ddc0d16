"""The table: a record as people read it."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from asmnet_edge.benchmarks.accuracy import EvaluationFaces
from asmnet_edge.benchmarks.candidates import Candidate
from asmnet_edge.benchmarks.latency import LatencyPlan
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.run import BenchmarkPlan, Candidates, Failure, measure_candidates
from asmnet_edge.benchmarks.table import table

FAILURE = Failure({"name": "broken.onnx", "error": "it fell over. Pick it up"})
SHORT = LatencyPlan(queries=4, seconds=0, rounds=2, warmup_seconds=0)


def text_of(record: BenchmarkRecord) -> str:
    console = Console(file=io.StringIO(), width=140)
    console.print(table(record))
    return console.file.getvalue()


def line_with(text: str, words: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if words in line]
    return line.split()


@pytest.fixture
def recorded(
    candidate: Callable[..., Candidate], faces: EvaluationFaces
) -> Callable[..., BenchmarkRecord]:
    """A record of a float model, one that is 3 points worse, and one that failed."""

    def measure(annotated: bool = True, compared: bool = True) -> BenchmarkRecord:
        reference = candidate("float.keras", right=0.02)
        worse = candidate("worse", right=0.05)
        facts = {"precision": "int8", "operators": {"total": 67, "int8": 65}}
        worse = replace(worse, facts={**worse.facts, **facts})
        some = faces if annotated else replace(faces, landmarks=None, pose=None)
        plan = BenchmarkPlan((), Path("float.keras") if compared else None, latency=SHORT)
        rows = Candidates(reference if compared else None, (reference, worse, FAILURE))
        record = measure_candidates(plan, rows, some, lambda what, steps: lambda: None)
        for row in record.results[:2]:
            row["latency_ms"] |= {"p50": 1.234, "p90": 2.345, "p99": 3.456}
            row["unsteady"] = []
        return record

    return measure


def test_a_row_tells_all_of_a_model(recorded: Callable[..., BenchmarkRecord]) -> None:
    cells = line_with(text_of(recorded()), "fake int8")
    latency = ["1.23", "2.35", "3.46"]
    accuracy = ["5.00", "+3.000", "0.0", "0.00", "3.00"]  # NME, drop, failures, pose, deviation
    assert cells == ["fake", "int8", "2.50", "97", "%", *latency, *accuracy]


def test_the_float_model_is_compared_with_itself(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    cells = line_with(text_of(recorded()), "fake float32")
    assert cells[-5:] == ["2.00", "+0.000", "0.0", "0.00", "0.00"]


def test_the_pose_is_the_mean_over_its_axes(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    record.results[1]["accuracy"]["pose_mae"] = {"yaw": 1.5, "pitch": 2.5, "roll": 0.5}
    assert line_with(text_of(record), "fake int8")[-2] == "1.50"


def test_a_failed_row_is_in_the_table_and_its_reason_below(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    text = text_of(recorded())
    assert line_with(text, "failed") == ["broken.onnx", "failed"]
    assert "broken.onnx: it fell over. Pick it up" in text


def test_drawn_faces_claim_no_accuracy(recorded: Callable[..., BenchmarkRecord]) -> None:
    text = text_of(recorded(annotated=False))
    assert "NME %" not in text
    assert "no accuracy on real ones" in text
    assert line_with(text, "fake int8")[-1] == "3.00"


def test_without_a_reference_there_is_no_deviation(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    text = text_of(recorded(compared=False))
    assert "deviation" not in text
    assert line_with(text, "fake int8")[-3:] == ["5.00", "0.0", "0.00"]


def test_an_unsteady_row_is_marked_and_says_why(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    record.results[1]["unsteady"] = ["p90 is 1.90 times p50"]
    text = text_of(record)
    assert "~1.23" in line_with(text, "fake int8")
    assert "~1.23" not in line_with(text, "fake float32")
    assert "~ worse: p90 is 1.90 times p50" in text


def test_the_title_tells_machine_and_faces(recorded: Callable[..., BenchmarkRecord]) -> None:
    record = recorded()
    device: dict[str, Any] = record.content["device"]
    device |= {"board": None, "cpu": "Example CPU", "cores": 4}
    title = "Example CPU, 4 cores, 1 thread, 3 faces (three faces)"
    assert text_of(record).splitlines()[0].strip() == title
    device["board"] = "Raspberry Pi 5"
    assert text_of(record).startswith("Raspberry Pi 5, 4 cores")


def test_what_the_copy_lacks_of_the_faces_is_told(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    assert "lacks" not in text_of(record)
    record.content["settings"]["faces"]["missing"] = [{"part": "ibug", "faces": 2}]
    text = text_of(record)
    assert "3 of 5 faces (three faces)" in text
    assert "three faces: without ibug (2), which this copy lacks" in text


def test_a_record_of_before_gaps_were_told_can_be_shown(
    recorded: Callable[..., BenchmarkRecord],
) -> None:
    record = recorded()
    record.content["settings"]["faces"] = {"count": 3, "on": "three faces"}
    assert "3 faces (three faces)" in text_of(record)
    assert "FR@8 %" in text_of(record)


def test_the_notes_tell_size_and_work(recorded: Callable[..., BenchmarkRecord]) -> None:
    assert "1,439,507 parameters, 256.5 M multiply-adds" in text_of(recorded())


def test_failures_alone_are_a_table_too() -> None:
    settings = {"threads": 2, "faces": {"count": 0, "on": "none"}, "reference": None}
    text = text_of(BenchmarkRecord.of([FAILURE.facts], settings))
    assert line_with(text, "failed") == ["broken.onnx", "failed"]
    assert "2 threads" in text
