"""A comparison in words: each reason once, and at last what it comes to."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from asmnet_edge.benchmarks.compare import Limits, compare_records, comparison_view
from asmnet_edge.benchmarks.record import BenchmarkRecord

Make = Callable[..., dict[str, Any]]
RUN = {"threads": [1], "latency": {}, "faces": {"count": 4, "on": "x", "sha256": "f"}}
CALM = [[3.0, 3.1, 3.2]] * 6
SHORT = [[3.0, 3.1, 3.2]] * 2


def record(*rows: dict[str, Any], taken: str = "then", **settings: Any) -> BenchmarkRecord:
    made = BenchmarkRecord.begin({**RUN, **settings}).with_results(list(rows))
    made.content["taken"] = taken
    return made


def text_of(before: BenchmarkRecord, after: BenchmarkRecord) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(comparison_view(compare_records(before, after, Limits())))
    return console.file.getvalue()


def test_when_all_is_unsure_the_last_lines_are_a_cure_and_a_conclusion(row: Make) -> None:
    rows = [row(SHORT, "a"), row(SHORT, "b")]
    text = text_of(record(*rows), record(*rows, taken="now"))
    *_, cure, last = map(str.strip, text.splitlines())
    assert "p50 ms: 2 of 2 unsure. To know, measure again with --rigorous" in cure
    assert "in one run, where they take turns: benchmark run OLD NEW" in cure
    assert last == "No conclusion: every figure (2) is unsure."


def test_what_is_partly_unsure_is_concluded_as_such(row: Make) -> None:
    rows = [row(SHORT, "a"), row(CALM, "b")]
    text = text_of(record(*rows), record(*rows, taken="now"))
    last = text.splitlines()[-1].strip()
    assert last == "Nothing is known to be worse than is allowed; 1 of 2 figures are unsure."


def test_rows_that_took_turns_need_no_such_advice(row: Make) -> None:
    both = record(row(SHORT, "a"))
    assert "take turns" not in text_of(both, both)


def test_an_unsure_accuracy_asks_for_more_faces(row: Make) -> None:
    rng = np.random.default_rng(0)
    errors = rng.gamma(4, 1.2, 20)
    before, after = (
        row(CALM, accuracy={"errors": each.tolist()})
        for each in (errors, errors + rng.normal(0, 1, 20))
    )
    text = text_of(record(before), record(after, taken="now"))
    assert "NME %: 1 of 1 unsure. To know, measure on more faces" in text
    assert "p50 ms: 1 of 1 unsure" not in text


def test_a_reason_that_rows_share_stands_once(row: Make) -> None:
    rows = [row(SHORT, "a"), row(SHORT, "b")]
    text = text_of(record(*rows), record(*rows, taken="now"))
    assert text.count("fewer than three rounds") == 1
    assert "p50 ms, all rows: fewer than three rounds" in text


def test_a_record_as_good_as_before_ends_with_that_conclusion(row: Make) -> None:
    text = text_of(record(row(CALM)), record(row(CALM), taken="now"))
    assert text.splitlines()[-1].startswith("Nothing is worse than is allowed.")


@pytest.mark.parametrize(("scale", "good"), [(1.0, True), (1.5, False)])
def test_a_regression_is_not_called_good(row: Make, scale: float, good: bool) -> None:
    slower = [[scale * call for call in calls] for calls in CALM]
    text = text_of(record(row(CALM)), record(row(slower), taken="now"))
    assert ("Nothing is worse" in text) == good


def test_a_field_that_an_older_record_lacks_is_no_difference(row: Make) -> None:
    before, after = record(row(CALM)), record(row(CALM), taken="now", sustain_seconds=0)
    before.content["device"] |= {"features": ["vnni", "avx2"], "packages": {"numpy": "2.4"}}
    after.content["device"] |= {"features": ["avx2", "vnni"], "packages": {"keras": "3.15"}}
    lines = [line for line in text_of(before, after).splitlines() if line.startswith("differs")]
    assert [line.strip() for line in lines] == [
        "differs: device.packages.keras: None -> 3.15",
        "differs: device.packages.numpy: 2.4 -> None",
    ]
