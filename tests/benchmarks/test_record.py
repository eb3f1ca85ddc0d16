"""The record: what was measured comes back from the file, and only that."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from json_rows import failed_rows, measured_rows

import asmnet_edge
from asmnet_edge.benchmarks.cases import BenchmarkPlan, Case, LatencyPlan
from asmnet_edge.benchmarks.evaluation_faces import FaceSource
from asmnet_edge.benchmarks.machine import DeviceInfo
from asmnet_edge.benchmarks.phases import MeasuredCase
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_json import from_json, to_json, upgraded
from asmnet_edge.benchmarks.record_types import CaseResult, ColdStart
from asmnet_edge.benchmarks.session import measure_all
from asmnet_edge.benchmarks.worker import PARTS
from asmnet_edge.errors import DataError, UsageError

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS: dict[str, Any] = {
    "threads": [1],
    "latency": {"queries": 3},
    "faces": {"count": 1, "on": "one"},
}
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
            "latency_ms": {
                "p50": 2,
                "p90": 2.8,
                "p99": 2.98,
                "mean": 2,
                "calls": 3,
                "samples": [1, 2, 3],
                "warmup_calls": 4,
            },
            "unsteady": [],
            "accuracy": {"faces": 1, "on": "x", "nme": None},
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


def test_it_has_time_machine_and_versions(record: BenchmarkRecord) -> None:
    assert record.content["device"] == DeviceInfo.of_this_machine().as_json()
    assert record.content["asmnet_edge"] == asmnet_edge.__version__
    assert datetime.fromisoformat(record.content["taken"]).tzinfo
    assert datetime.fromisoformat(record.content["ended"]).tzinfo
    assert record.content["settings"] == SETTINGS


def test_failed_rows_are_separate_from_measured_ones(
    record: BenchmarkRecord, good: dict[str, Any]
) -> None:
    assert record.content["results"] == [good, FAILED]
    assert [case.key for case in record.measured_cases] == [good["key"]]
    assert [case.key for case in record.failed_cases] == [FAILED["key"]]
    assert record.typed.measured == record.measured_cases
    assert record.typed.failed == record.failed_cases


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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"latency_ms": 3}, r"results\[0\]\.latency_ms must be an object, got '3'"),
        ({"threads": "two"}, r"results\[0\]\.threads must be a whole number, got 'two'"),
        ({"threads": True}, r"results\[0\]\.threads must be a whole number"),
        ({"unsteady": [1]}, r"results\[0\]\.unsteady\[0\] must be a text"),
        ({"accuracy": {"nme_interval": [1]}}, r"accuracy\.nme_interval must be 2 values"),
    ],
)
def test_a_field_of_another_type_is_named(
    record: BenchmarkRecord, tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    record.content["results"][0].update(wrong)
    (tmp_path / "odd.json").write_text(json.dumps(record.content))
    with pytest.raises(DataError, match=message):
        BenchmarkRecord.load(tmp_path / "odd.json")


def test_samples_that_are_missing_or_no_numbers_are_named(
    record: BenchmarkRecord, tmp_path: Path
) -> None:
    for rounds, message in (([], "no samples"), ([[1.0, "2"]], r"rounds\[0\]\[1\] must be a num")):
        record.content["results"][0]["latency_ms"]["rounds"] = rounds
        (tmp_path / "odd.json").write_text(json.dumps(record.content))
        with pytest.raises(DataError, match=message):
            BenchmarkRecord.load(tmp_path / "odd.json")


def test_typed_rows_have_what_the_file_has(record: BenchmarkRecord) -> None:
    good, failed = record.cases
    assert good.latency_ms.rounds == ((1, 1.25, 2),)
    assert (failed.key, failed.error, failed.latency_ms) == ("bad.tflite", "it fell over", None)
    assert (record.measured_cases, record.failed_cases) == ((good,), (failed,))
    assert record.settings.latency.queries == 3
    assert record.device == DeviceInfo.of_this_machine()


def test_a_later_schema_is_refused(record: BenchmarkRecord, tmp_path: Path) -> None:
    (tmp_path / "later.json").write_text(json.dumps({**record.content, "schema_version": 99}))
    with pytest.raises(DataError, match="schema version 99 is not known"):
        BenchmarkRecord.load(tmp_path / "later.json")


def test_a_record_of_version_1_is_read_with_all_its_samples(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    record = BenchmarkRecord.load(tmp_path / "old.json")
    (measured,) = measured_rows(record)
    assert measured["latency_ms"]["rounds"] == [[1, 2, 3]]
    assert measured["latency_ms"]["throughput"] == 500
    assert measured["latency_ms"]["warm_up"] == {"calls": 4}
    assert measured["key"] == "good.tflite"
    assert record.content["settings"]["threads"] == [2]
    assert record.content["schema_version"] == 2


# the published schema


def strict(schema: Any) -> Any:
    """``schema``, but what it does not describe is not allowed."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    reported = {name: strict(part) for name, part in schema.items()}
    return reported | ({"additionalProperties": False} if "properties" in reported else {})


def check(record: BenchmarkRecord) -> None:
    schema = json.loads((DOCS / "benchmark-record.schema.json").read_text())
    content = json.loads(json.dumps(record.content, allow_nan=False))
    jsonschema.validate(content, strict(schema), jsonschema.Draft202012Validator)


@pytest.fixture
def whole(
    measured: Callable[..., MeasuredCase], short: LatencyPlan, source: FaceSource
) -> BenchmarkRecord:
    """A float model, a row with all that can be measured, a foreign one, and one that failed."""
    foreign = {"foreign": True, "licence": "MIT", "pose": "fitted to its landmarks"}
    rows = [measured("float.keras"), measured("w.tflite", 0.05),
            measured("net.toml", 0.02, source="ee", **foreign),
            MeasuredCase(Case(Path("bad.tflite")), None, CaseResult(**FAILED))]  # fmt: skip
    rows[2] = replace(rows[2], case=replace(rows[2].case, compared=False))
    cold = ColdStart(**dict.fromkeys(PARTS, 1.0), packages={"numpy": 1}, peak_rss_mib=70.0,
                     installed_bytes=1)  # fmt: skip
    rows[1].set(cold_start=cold)
    latency = replace(short, stage_calls=2)
    plan = BenchmarkPlan(tuple(row.case for row in rows), latency, sustain=0.1, pictures=True)
    return measure_all(plan, rows, source, lambda what, steps: lambda: None)


def test_a_record_has_the_fields_of_the_schema_and_no_others(whole: BenchmarkRecord) -> None:
    full = whole.content["results"][1]
    assert {"cold_start", "sustained", "stages_ms", "accuracy"} <= set(full)
    assert whole.content["portraits"]
    assert failed_rows(whole)
    check(whole)


def test_an_interrupted_record_has_the_fields_of_the_schema(
    whole: BenchmarkRecord, measured: Callable[..., MeasuredCase]
) -> None:
    check(whole.with_results([measured("a.tflite").current_result()], interrupted=True))


def test_a_record_of_version_1_becomes_one_of_the_present_schema() -> None:
    check(BenchmarkRecord(upgraded(OLD)))


def test_typed_values_become_the_same_json_again(whole: BenchmarkRecord) -> None:
    content = json.loads(json.dumps(whole.content))
    assert to_json(whole.typed) == content


def test_a_record_of_version_1_is_typed_too() -> None:
    old = BenchmarkRecord.parse(OLD).typed
    assert old.results[0].latency_ms.warm_up.calls == 4
    assert old.device.cpu == "Example"
    assert from_json(CaseResult, to_json(old.results[0])) == old.results[0]


def test_what_the_schema_does_not_describe_is_found(whole: BenchmarkRecord) -> None:
    whole.content["results"][1]["unheard_of"] = 1
    with pytest.raises(jsonschema.ValidationError, match="unheard_of"):
        check(whole)


@pytest.mark.parametrize("name", ["gone.json", ""])
def test_a_record_that_cannot_be_read_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot read"):
        BenchmarkRecord.load(tmp_path / name)


def test_a_record_that_cannot_be_written_is_an_error(
    record: BenchmarkRecord, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="cannot create the folder"):
        record.save(tmp_path / "file" / "record.json")
