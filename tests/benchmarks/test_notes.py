"""Notes of a report: reasons of many rows in few lines, and remarks on latencies."""

from collections.abc import Callable
from typing import Any

import pytest

from asmnet_edge.benchmarks.record_json import from_json
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.benchmarks.report.cells import labelled
from asmnet_edge.benchmarks.report.notes import merged, remarks


def test_a_reason_stands_once_with_its_rows() -> None:
    assert merged({"a": ["it rained"], "b": ["it snowed"], "c": ["it rained"]}) == [
        "a, c: it rained",
        "b: it snowed",
    ]


def test_what_all_rows_have_is_for_all_rows() -> None:
    assert merged({"a": ["it rained"], "b": ["it rained"]}) == ["all rows: it rained"]
    assert merged({"a": ["it rained"]}) == ["a: it rained"]
    assert merged({"a": ["it rained"], "b": []}) == ["a: it rained"]


def test_numbers_become_their_range() -> None:
    reasons = {"a": ["p90 is 1.65 times p50"], "b": ["p90 is 10.00 times p50"], "c": []}
    assert merged(reasons) == ["a, b: p90 is 1.65 to 10.00 times p50"]
    moved = {name: [f"it moved by {by} %"] for name, by in (("a", "+24"), ("b", "-10"))}
    assert merged(moved) == ["all rows: it moved by -10 to +24 %"]
    pairs = {"a": ["it went from 1 to 2 ms"], "b": ["it went from 3 to 2 ms"]}
    assert merged(pairs) == ["all rows: it went from 1..3 to 2 ms"]


def test_reasons_of_the_same_rows_share_a_line() -> None:
    reasons = {"a": ["it rained", "it blew", "it froze"], "b": ["it rained", "it blew"], "c": []}
    assert merged(reasons) == ["a, b: it rained; it blew", "a: it froze"]


# remarks, which are no reason for distrust

Row = dict[str, Any]


def remarks_of(*rows: Row) -> list[str]:
    return remarks(labelled([from_json(CaseResult, row) for row in rows]))


def warmed(row: Row, **warm_up: Any) -> Row:
    return {**row, "latency_ms": {**row["latency_ms"], "warm_up": warm_up}}


def test_a_p99_of_few_calls_is_a_rough_guide(row: Callable[..., Row]) -> None:
    few, many = row([[1.0] * 25] * 8, "few.tflite"), row([[1.0] * 125] * 8, "many.tflite")
    assert remarks_of(many) == []
    assert remarks_of(few, many) == [
        "p99: a rough guide with fewer than 1,000 calls (few.tflite 200)"
    ]
    fewer = row([[1.0] * 10] * 8)
    assert "(here 80 to 200)" in remarks_of(few, fewer)[0]


def test_too_slow_to_know_differs_from_unsteady(row: Callable[..., Row]) -> None:
    slow = warmed(row([[900.0] * 250] * 4), calls=4, seconds=3.6, steady=None)
    assert remarks_of(slow) == [
        "tflite int8: too slow to know whether it was warm, 4 calls in 3.6 s"
    ]


@pytest.mark.parametrize("steady", [{"steady": False}, {"steady": True}, {}])  # {}: an old record
def test_a_known_warm_up_needs_no_remark(row: Callable[..., Row], steady: Row) -> None:
    assert remarks_of(warmed(row([[1.0] * 250] * 4), calls=40, seconds=3.0, **steady)) == []
