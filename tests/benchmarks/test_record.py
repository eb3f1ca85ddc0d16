"""The record: what was measured comes back from the file, and only that."""

import json
from datetime import datetime
from pathlib import Path

import pytest

import asmnet_edge
from asmnet_edge.benchmarks.device import DeviceInfo
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.errors import DataError, UsageError

MEASURED = {"name": "good.tflite", "latency_ms": {"p50": 1.25, "samples": [1, 1.25, 2]}}
FAILED = {"name": "bad.tflite", "error": "it fell over"}


@pytest.fixture
def record() -> BenchmarkRecord:
    return BenchmarkRecord.of([MEASURED, FAILED], {"threads": 1})


def test_a_saved_record_comes_back(record: BenchmarkRecord, tmp_path: Path) -> None:
    record.save(tmp_path / "new" / "record.json")
    loaded = BenchmarkRecord.load(tmp_path / "new" / "record.json")
    assert loaded.content == json.loads(json.dumps(record.content))


def test_it_tells_when_where_and_with_what(record: BenchmarkRecord) -> None:
    assert record.content["device"] == DeviceInfo.of_this_machine().as_json()
    assert record.content["asmnet_edge"] == asmnet_edge.__version__
    assert datetime.fromisoformat(record.content["taken"]).tzinfo
    assert record.content["settings"] == {"threads": 1}


def test_failed_rows_are_told_from_measured(record: BenchmarkRecord) -> None:
    assert record.results == [MEASURED, FAILED]
    assert record.failed == [FAILED]


def test_numbers_that_are_none_are_not_written(record: BenchmarkRecord, tmp_path: Path) -> None:
    record.content["results"].append({"name": "odd", "latency_ms": {"p50": float("nan")}})
    with pytest.raises(ValueError, match="JSON"):
        record.save(tmp_path / "record.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", "null", '"record"', "{}", '{"schema_version": 1}'),
        '{"schema_version": 1, "results": [], "device": {}}',
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


@pytest.mark.parametrize("name", ["gone.json", ""])
def test_a_record_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot read"):
        BenchmarkRecord.load(tmp_path / name)


def test_a_record_that_cannot_be_written_is_told(record: BenchmarkRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot create the folder"):
        record.save(tmp_path / "file" / "record.json")
