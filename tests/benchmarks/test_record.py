"""The record: what was measured comes back from the file, and only that."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import asmnet_edge
from asmnet_edge.benchmarks.device.info import DeviceInfo
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.errors import DataError, UsageError

SETTINGS = {"threads": [1], "latency": {"queries": 3}, "faces": {"count": 1, "on": "one"}}
FAILED = {"name": "bad.tflite", "key": "bad.tflite", "error": "it fell over"}
OLD = {
    "schema_version": 1,
    "asmnet_edge": "0.1.0",
    "taken": "2026-01-01T00:00:00+00:00",
    "device": {"board": None, "cpu": "Example", "cores": 4},
    "load_average": 0.1,
    "settings": {"threads": 2, "latency": {}, "faces": {"count": 1, "on": "x"}, "reference": None},
    "results": [
        {
            "name": "good.tflite",
            "latency_ms": {"p50": 2, "mean": 2, "samples": [1, 2, 3], "warmup_calls": 4},
            "unsteady": [],
            "accuracy": {},
        },
        {"name": "bad.tflite", "error": "it fell over"},
    ],
}


@pytest.fixture
def good(row: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return row([[1, 1.25, 2]])


@pytest.fixture
def record(good: dict[str, Any]) -> BenchmarkRecord:
    return BenchmarkRecord.begin(SETTINGS).with_results([good, FAILED])


def test_a_saved_record_comes_back(record: BenchmarkRecord, tmp_path: Path) -> None:
    record.save(tmp_path / "new" / "record.json")
    loaded = BenchmarkRecord.load(tmp_path / "new" / "record.json")
    assert loaded.content == json.loads(json.dumps(record.content))


def test_it_tells_when_where_and_with_what(record: BenchmarkRecord) -> None:
    assert record.content["device"] == DeviceInfo.of_this_machine().as_json()
    assert record.content["asmnet_edge"] == asmnet_edge.__version__
    assert datetime.fromisoformat(record.content["taken"]).tzinfo
    assert datetime.fromisoformat(record.content["ended"]).tzinfo
    assert record.content["settings"] == SETTINGS


def test_failed_rows_are_told_from_measured(record: BenchmarkRecord, good: dict[str, Any]) -> None:
    assert record.results == [good, FAILED]
    assert (record.measured, record.failed) == ([good], [FAILED])


def test_a_record_counts_as_interrupted_until_it_ends() -> None:
    assert BenchmarkRecord.begin(SETTINGS).content["interrupted"]
    assert not BenchmarkRecord.begin(SETTINGS).with_results([]).content["interrupted"]


def test_numbers_that_are_none_are_not_written(record: BenchmarkRecord, tmp_path: Path) -> None:
    record.content["results"].append({"name": "odd", "latency_ms": {"p50": float("nan")}})
    with pytest.raises(ValueError, match="JSON"):
        record.save(tmp_path / "record.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", "null", '"record"', "{}", '{"schema_version": 1}'),
        '{"schema_version": 2, "results": [], "device": {}}',
        '{"schema_version": 2, "results": 3, "device": {"cpu": "x"}, "settings": {}}',
    ],
)
def test_foreign_json_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "foreign.json").write_text(text)
    with pytest.raises(DataError, match=r"foreign\.json is not a benchmark record"):
        BenchmarkRecord.load(tmp_path / "foreign.json")


def test_bytes_that_are_no_text_are_no_record(tmp_path: Path) -> None:
    (tmp_path / "picture.json").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(DataError, match="is not a benchmark record"):
        BenchmarkRecord.load(tmp_path / "picture.json")


def test_a_later_schema_is_told(record: BenchmarkRecord, tmp_path: Path) -> None:
    (tmp_path / "later.json").write_text(json.dumps({**record.content, "schema_version": 99}))
    with pytest.raises(DataError, match="schema version 99 is not known"):
        BenchmarkRecord.load(tmp_path / "later.json")


def test_a_record_of_version_1_is_read_with_all_its_samples(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    record = BenchmarkRecord.load(tmp_path / "old.json")
    (measured,) = record.measured
    assert measured["latency_ms"]["rounds"] == [[1, 2, 3]]
    assert measured["latency_ms"]["throughput"] == 500
    assert measured["latency_ms"]["warm_up"] == {"calls": 4}
    assert measured["key"] == "good.tflite"
    assert record.content["settings"]["threads"] == [2]
    assert record.content["schema_version"] == 2


@pytest.mark.parametrize("name", ["gone.json", ""])
def test_a_record_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot read"):
        BenchmarkRecord.load(tmp_path / name)


def test_a_record_that_cannot_be_written_is_told(record: BenchmarkRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot create the folder"):
        record.save(tmp_path / "file" / "record.json")
