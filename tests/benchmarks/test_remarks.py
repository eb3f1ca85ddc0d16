"""Remarks: what a reader of latencies should know, though it is no doubt about them."""

from collections.abc import Callable
from typing import Any

from asmnet_edge.benchmarks.report.notes import remarks

Row = Callable[..., dict[str, Any]]


def warmed(row: dict[str, Any], **told: Any) -> dict[str, Any]:
    return {**row, "latency_ms": {**row["latency_ms"], "warm_up": told}}


def test_a_p99_of_few_calls_is_a_rough_guide(row: Row) -> None:
    few, many = row([[1.0] * 25] * 8, "few.tflite"), row([[1.0] * 125] * 8, "many.tflite")
    assert remarks([many]) == []
    assert remarks([few, many]) == [
        "p99: a rough guide with fewer than 1,000 calls (tflite int8 200)"
    ]
    fewer = row([[1.0] * 10] * 8)
    assert "(here 80 to 200)" in remarks([few, fewer])[0]


def test_too_slow_to_tell_is_told_apart_from_restless(row: Row) -> None:
    slow = warmed(row([[900.0] * 250] * 4), calls=4, seconds=3.6, steady=None)
    assert remarks([slow]) == [
        "tflite int8: too slow to tell whether it was warm, 4 calls in 3.6 s"
    ]
    for told in ({"steady": False}, {"steady": True}, {}):  # the last as in old records
        assert remarks([warmed(row([[1.0] * 250] * 4), calls=40, seconds=3.0, **told)]) == []
