"""Reasons of many rows in few lines."""

from asmnet_edge.benchmarks.report.notes import merged


def test_a_reason_is_said_once_with_its_rows() -> None:
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
