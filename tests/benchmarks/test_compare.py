"""Two records: what is called a change, and what is not."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asmnet_edge.benchmarks import change
from asmnet_edge.benchmarks.change import BETTER, SAME, UNSURE, WORSE, Change
from asmnet_edge.benchmarks.compare import Limits, compare_records
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_json import from_json
from asmnet_edge.benchmarks.record_types import CaseResult
from asmnet_edge.errors import UsageError

Make = Callable[..., dict[str, Any]]
TRIES = 20
FACES = {"count": 4, "on": "x", "sha256": "f"}


def pair(before: dict[str, Any], after: dict[str, Any]) -> tuple[CaseResult, CaseResult]:
    return from_json(CaseResult, before), from_json(CaseResult, after)


def latency_change(before: Any, after: Any, threshold: float, paired: bool) -> Change:
    return change.latency_change(*pair(before, after), threshold, paired)


def nme_change(before: Any, after: Any, threshold: float) -> Change | None:
    return change.nme_change(*pair(before, after), threshold)


def accuracy_change(before: Any, after: Any, threshold: float) -> Change | None:
    return change.accuracy_change(*pair(before, after), threshold)


def rounds(
    seed: int, scale: float = 1.0, count: int = 20, drift: float = 0.01, noise: float = 0.05
) -> list[list[float]]:
    """Calls of about 3 ms: rounds differ by ``drift``, calls by ``noise``, some take twice."""
    rng = np.random.default_rng(seed)
    found = []
    for level in rng.normal(3.0, 3.0 * drift, count):
        calls = level * (1 + np.abs(rng.normal(0, noise, 50)))
        found.append((scale * np.where(rng.random(50) < 0.05, 2 * calls, calls)).tolist())
    return found


def with_machine(row: dict[str, Any], yardstick: float) -> dict[str, Any]:
    row["latency_ms"]["notes"] = [{"yardstick_ms": yardstick}] * 8
    return row


@pytest.fixture
def record(row: Make) -> Callable[..., BenchmarkRecord]:
    def make(*rows: dict[str, Any], **device: Any) -> BenchmarkRecord:
        settings = {"threads": [1], "latency": {}, "faces": FACES}
        made = BenchmarkRecord.begin(settings).with_results(list(rows))
        made.content["device"] = {**made.content["device"], **device}
        return made

    return make


# latency


def test_a_planted_slowdown_of_ten_per_cent_is_found(row: Make) -> None:
    verdicts = [
        latency_change(row(rounds(n)), row(rounds(1000 + n, 1.1)), 0.05, False).verdict
        for n in range(TRIES)
    ]
    assert verdicts == [WORSE] * TRIES


def test_two_runs_of_the_same_are_not_called_different(row: Make) -> None:
    verdicts = [
        latency_change(row(rounds(n)), row(rounds(1000 + n)), 0.05, False).verdict
        for n in range(TRIES)
    ]
    assert verdicts == [SAME] * TRIES


def test_a_speed_up_is_better(row: Make) -> None:
    change = latency_change(row(rounds(1)), row(rounds(2, 0.8)), 0.05, False)
    assert change.verdict == BETTER
    assert change.by == pytest.approx(-20, abs=1.5)
    assert change.low < change.by < change.high < 0


def test_less_than_the_threshold_is_the_same(row: Make) -> None:
    assert latency_change(row(rounds(1)), row(rounds(2, 1.03)), 0.05, False).verdict == SAME
    assert latency_change(row(rounds(1)), row(rounds(2, 1.03)), 0.01, False).verdict == WORSE


def test_what_the_machine_explains_is_unsure(row: Make) -> None:
    before, after = with_machine(row(rounds(1)), 1.0), with_machine(row(rounds(2, 1.1)), 1.1)
    change = latency_change(before, after, 0.05, False)
    assert change.verdict == UNSURE
    assert change.why == "the machine may explain it: a fixed piece of work took +10.0 %, too"


def test_what_a_quicker_machine_hides_is_unsure(row: Make) -> None:
    before, after = with_machine(row(rounds(1)), 1.0), with_machine(row(rounds(2)), 0.9)
    change = latency_change(before, after, 0.05, False)
    assert change.verdict == UNSURE
    assert change.why == "the machine may hide a slowdown: a fixed piece of work took -10.0 %"


def test_a_machine_that_drifts_the_other_way_explains_nothing(row: Make) -> None:
    before, after = with_machine(row(rounds(1)), 1.0), with_machine(row(rounds(2, 1.1)), 0.9)
    change = latency_change(before, after, 0.05, False)
    assert (change.verdict, change.why) == (WORSE, "")


@pytest.mark.parametrize(("drift", "verdict"), [(1.008, WORSE), (1.012, UNSURE)])
def test_a_drift_that_is_small_beside_the_threshold_explains_nothing(
    row: Make, drift: float, verdict: str
) -> None:
    as_quick = latency_change(row(rounds(1)), row(rounds(2)), 0.05, False).by / 100 + 1
    after = with_machine(row(rounds(2, 1.055 / as_quick)), drift)  # less it, within 5 %
    change = latency_change(with_machine(row(rounds(1)), 1.0), after, 0.05, False)
    assert (change.verdict, change.by) == (verdict, pytest.approx(5.5, abs=0.01))


def test_rows_that_took_turns_need_no_yardstick(row: Make) -> None:
    before, after = with_machine(row(rounds(1)), 1.0), with_machine(row(rounds(2, 1.1)), 1.1)
    assert latency_change(before, after, 0.05, True).verdict == WORSE


def test_turns_on_a_drifting_machine_show_what_separate_runs_cannot(row: Make) -> None:
    drifting = np.linspace(1, 1.6, 20)

    def drifted(seed: int, scale: float) -> dict[str, Any]:
        calm = rounds(seed, scale)
        return row([[d * s for s in r] for d, r in zip(drifting, calm, strict=True)])

    change = latency_change(drifted(1, 1.0), drifted(2, 1.1), 0.05, True)
    assert change.verdict == WORSE
    apart = latency_change(drifted(1, 1.0), drifted(2, 1.1), 0.05, False)
    assert apart.high - apart.low > 3 * (change.high - change.low)


def test_slow_calls_alone_are_a_disturbance(row: Make) -> None:
    disturbed = rounds(2)
    for calls in disturbed:
        calls[10:45] = [1.8 * call for call in calls[10:45]]
    change = latency_change(row(rounds(1)), row(disturbed), 0.05, False)
    assert (change.verdict, change.why) == (
        UNSURE,
        "only its slower calls changed: disturbed, or something rare",
    )


def test_the_change_lies_in_its_interval_as_often_as_that_promises(row: Make) -> None:
    """The plain percentiles would hold it 86 times of 100 after four rounds against twelve."""
    rng, inside = np.random.default_rng(0), 0

    def run(count: int) -> dict[str, Any]:
        return row((rng.normal(3, 0.06, (count, 1)) + rng.normal(0, 0.06, (count, 3))).tolist())

    for _ in range(100):
        change = latency_change(run(12), run(4), 0.05, False)
        inside += change.low <= 0 <= change.high
    assert 93 <= inside <= 98


def test_few_rounds_are_no_proof(row: Make) -> None:
    change = latency_change(row(rounds(1, count=2)), row(rounds(2, 1.5, count=2)), 0.05, False)
    assert (change.verdict, change.why) == (UNSURE, "fewer than three rounds")
    assert change.by == pytest.approx(50, abs=5)
    assert json.loads(json.dumps(change.as_json(), allow_nan=False))["high"] is None


# accuracy


def with_errors(row: dict[str, Any], errors: np.ndarray) -> dict[str, Any]:
    return {**row, "accuracy": {"errors": errors.tolist()}}


def test_a_planted_loss_of_a_tenth_of_nme_is_found(row: Make) -> None:
    for seed in range(TRIES):
        rng = np.random.default_rng(seed)
        errors = rng.gamma(4, 1.2, 554)
        worse = errors + 0.1 + rng.normal(0, 0.4, 554)
        one = row(rounds(1))
        change = nme_change(with_errors(one, errors), with_errors(one, worse), 0.05)
        assert change.low > 0
        assert change.verdict == (WORSE if change.by > 0.05 else UNSURE)


def test_equal_models_lose_nothing(row: Make) -> None:
    for seed in range(TRIES):
        errors = np.random.default_rng(seed).gamma(4, 1.2, 554)
        one = with_errors(row(rounds(1)), errors)
        change = nme_change(one, one, 0.05)
        assert (change.by, change.low, change.high, change.verdict) == (0, 0, 0, SAME)


def test_a_loss_within_the_limit_is_reported_but_no_regression(row: Make) -> None:
    errors, one = np.random.default_rng(0).gamma(4, 1.2, 554), row(rounds(1))
    change = nme_change(with_errors(one, errors), with_errors(one, errors + 0.02), 0.05)
    assert (change.verdict, change.why) == (SAME, "lost, but within what is allowed")


def test_a_loss_that_may_be_larger_than_allowed_is_unsure(row: Make) -> None:
    rng, one = np.random.default_rng(0), row(rounds(1))
    errors = rng.gamma(4, 1.2, 20)
    blurred = errors + rng.normal(0, 1, 20)
    change = nme_change(with_errors(one, errors), with_errors(one, blurred), 0.05)
    assert change.verdict == UNSURE
    assert change.low < 0 < 0.05 < change.high
    assert "0.05 are allowed" in change.why


def with_deviation(row: dict[str, Any], deviation: float) -> dict[str, Any]:
    return {**row, "accuracy": {"errors": None, "deviation_iod_percent": deviation}}


def test_without_annotations_the_deviation_is_compared(row: Make) -> None:
    one = row(rounds(1))
    change = accuracy_change(with_deviation(one, 0.3), with_deviation(one, 0.5), 0.05)
    assert (change.figure, change.verdict, change.low) == ("deviation %", WORSE, None)
    near = accuracy_change(with_deviation(one, 0.3), with_deviation(one, 0.32), 0.05)
    assert near.verdict == SAME


def test_without_either_accuracy_is_not_compared(row: Make) -> None:
    assert accuracy_change(row(rounds(1)), row(rounds(2)), 0.05) is None


# records


def test_rows_find_each_other_by_their_key(row: Make, record: Any) -> None:
    before = record(row(rounds(1), "a"), row(rounds(2), "b"), row(rounds(3), "gone"))
    after = record(row(rounds(5, 1.3), "b"), row(rounds(4), "a"), row(rounds(6), "added"))
    found = compare_records(before, after, Limits())
    assert [(c.row, c.verdict) for c in found.changes] == [("a", SAME), ("b", WORSE)]
    assert (found.lost, found.new) == (("gone",), ("added",))
    assert [words.split()[0] for words in found.regressions] == ["b", "gone"]
    allowed = compare_records(before, after, Limits(lost=True)).regressions
    assert [words.split()[0] for words in allowed] == ["b"]


def test_a_row_that_fails_now_is_a_regression(row: Make, record: Any) -> None:
    whole, failed = row(rounds(1), "b"), {"name": "b", "key": "b", "error": "it fell over"}
    half = {**row(rounds(1), "b"), "error": "its process ended"}
    before = record(row(rounds(1), "a"), whole)
    for after in (failed, half):
        found = compare_records(before, record(row(rounds(1), "a"), after), Limits(lost=True))
        assert found.regressions == [f"b (failed: {after['error']})"]
    again = record(row(rounds(1), "a"), failed)
    assert compare_records(again, again, Limits()).regressions == []


def test_a_row_that_has_lost_its_accuracy_is_a_regression(row: Make, record: Any) -> None:
    one = row(rounds(1))
    found = compare_records(record(with_errors(one, np.ones(4))), record(one), Limits())
    assert found.regressions == ["a.tflite (no longer has an accuracy)"]
    assert found.unjudged == "no row has one in both records"


def test_what_differs_of_a_row_is_reported(row: Make, record: Any) -> None:
    one = row(rounds(1), sha256="a" * 64)
    other = row(rounds(1), sha256="b" * 64, cpus=[0, 1], unsteady=["it rained"])
    found = compare_records(record(one), record(other), Limits()).environment
    assert found == {
        "a.tflite: cpus": [[], [0, 1]],
        "a.tflite: sha256": ["a" * 12, "b" * 12],
        "a.tflite: steady": [True, False],
    }


def test_other_weights_in_a_separate_file_are_reported(row: Make, record: Any) -> None:
    one, other = (row(rounds(1), files_sha256=each * 64) for each in "ab")
    assert one["sha256"] == other["sha256"]
    reported = {"a.tflite: sha256": ["a" * 12, "b" * 12]}
    assert compare_records(record(one), record(other), Limits()).environment == reported
    old = row(rounds(1))  # which knows nothing of them
    assert compare_records(record(old), record(other), Limits()).environment == {}


def test_rows_of_the_same_key_are_refused(row: Make, record: Any) -> None:
    with pytest.raises(UsageError, match=r"two rows called 'a\.tflite'"):
        compare_records(record(row(rounds(1)), row(rounds(2))), record(row(rounds(1))), Limits())


def test_two_rows_of_one_record_can_be_compared(row: Make, record: Any) -> None:
    one = record(row(rounds(1), "old"), row(rounds(2, 1.1), "new"))
    (change,) = compare_records(one, one, Limits(), [("old", "new")]).changes
    assert (change.row, change.verdict) == ("new", WORSE)


def test_a_row_that_is_not_there_is_reported(row: Make, record: Any) -> None:
    one = record(row(rounds(1), "old"))
    with pytest.raises(UsageError, match="no row 'new' was measured. There are: old"):
        compare_records(one, one, Limits(), [("old", "new")])


def test_machines_are_never_mixed_unasked(row: Make, record: Any) -> None:
    before, after = record(row(rounds(1))), record(row(rounds(2)), cpu="Another CPU")
    with pytest.raises(UsageError, match="different machines: cpu"):
        compare_records(before, after, Limits())
    assert compare_records(before, after, Limits(), across_machines=True).changes


def test_differences_of_the_environment_are_reported(row: Make, record: Any) -> None:
    before, after = record(row(rounds(1)), governor="a"), record(row(rounds(2)), governor="b")
    assert compare_records(before, after, Limits()).environment == {"device.governor": ["a", "b"]}


def test_other_faces_are_not_compared(row: Make, record: Any) -> None:
    errors = np.ones(4)
    one, two = (record(with_errors(row(rounds(n)), errors)) for n in (1, 2))
    assert len(compare_records(one, two, Limits()).changes) == 2
    two = replace(two, content={**two.content, "settings": {"faces": {**FACES, "sha256": "other"}}})
    found = compare_records(one, two, Limits())
    assert (len(found.changes), found.unjudged) == (1, "the records are on other faces")


def test_records_without_a_common_row_are_reported(row: Make, record: Any) -> None:
    with pytest.raises(UsageError, match="no row in common. They have a and b"):
        compare_records(record(row(rounds(1), "a")), record(row(rounds(1), "b")), Limits())
