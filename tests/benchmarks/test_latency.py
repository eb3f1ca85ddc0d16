"""Latency: a clock that tests move, so that every number is known beforehand."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from asmnet_edge.benchmarks import timing, timing_loop
from asmnet_edge.benchmarks.cases import QUICK, RIGOROUS, LatencyPlan
from asmnet_edge.benchmarks.latency_statistics import Latency, student_t
from asmnet_edge.benchmarks.record_types import WarmUp
from asmnet_edge.benchmarks.timing import LEAST_WINDOW, WINDOW, Turn, take_turn, warm_up
from asmnet_edge.benchmarks.timing_loop import Timings, measure
from asmnet_edge.errors import ModelError, UsageError


class Clock:
    """Stands still but for the calls of its making."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def taking(self, *milliseconds: float) -> Callable[[], None]:
        """A call that takes these times in turn, over and over."""
        left: list[float] = []

        def call() -> None:
            if not left:
                left.extend(milliseconds)
            self.now += left.pop(0) / 1e3

        return call


class Called:
    """A row around a call of this process."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call

    def warm_up(self, seconds: float) -> WarmUp:
        return warm_up(self.call, seconds)

    def turn(self, queries: int, seconds: float) -> Turn:
        return take_turn(self.call, queries, seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the time is taken from; turns begin without a lead-in."""
    clock = Clock()
    monkeypatch.setattr(timing, "LEAD_CALLS", 0)
    monkeypatch.setattr(timing, "LEAD_SECONDS", 0.0)
    monkeypatch.setattr(timing, "perf_counter", clock)
    monkeypatch.setattr(timing, "process_time", clock)
    monkeypatch.setattr(timing_loop, "yardstick", lambda cpus: [1.0])
    return clock


def measured(calls: Sequence[Callable[[], None]], plan: LatencyPlan) -> list[Latency]:
    taken = measure([Called(call) for call in calls], plan, lambda: None)
    return [its.latency for its in taken if its.latency]


def of(*values: float) -> Latency:
    """All in one round."""
    return Latency.of([values])


# figures


def test_percentiles_of_known_samples() -> None:
    known = of(*np.random.default_rng(0).permutation(np.arange(1.0, 102)))
    assert [known.percentile(p) for p in (0, 50, 90, 99, 100)] == [1, 51, 91, 100, 101]
    result = known.result()
    assert (result.p50, result.p90, result.p99, result.mean) == (51, 91, 100, 51)
    assert result.throughput == pytest.approx(1000 / 51)
    assert result.calls == 101


def test_every_sample_is_kept_in_its_round_and_order() -> None:
    assert Latency.of([(3, 1.00004), (2,)]).result().rounds == ((3, 1), (2,))


def test_the_slowest_call_is_kept() -> None:
    assert of(*[1] * 999, 5000).result().mean == pytest.approx(5.999)


def test_like_rounds_leave_no_doubt() -> None:
    intervals = Latency.of([[1, 2, 3]] * 5).intervals()
    assert intervals["p50"] == (2, 2)
    assert intervals["throughput"] == (500, 500)


def test_rounds_that_differ_widen_the_interval_however_many_samples_they_have() -> None:
    low, high = Latency.of([[10.0] * 1000, [12.0] * 1000] * 4).intervals()["p50"]
    assert (low, high) == (10, 12)


def test_an_interval_holds_the_truth_about_as_often_as_it_promises() -> None:
    rng, inside = np.random.default_rng(0), 0
    for _ in range(60):
        rounds = [rng.normal(rng.normal(10, 0.5), 0.2, 30) for _ in range(20)]
        low, high = Latency.of(rounds).intervals()["mean"]
        inside += low <= 10 <= high
    assert inside >= 51


def test_eight_rounds_cover_the_truth_as_often_as_they_promise() -> None:
    """The plain percentile interval would hold it 87 times of 100."""
    rng, inside = np.random.default_rng(1), 0
    for _ in range(100):
        low, high = Latency.of(rng.normal(10, 0.5, (QUICK.rounds, 1))).intervals()["mean"]
        inside += low <= 10 <= high
    assert 93 <= inside <= 98


@pytest.mark.parametrize(("freedom", "point"), [(2, 4.303), (4, 2.776), (7, 2.365), (19, 2.093)])
def test_students_t_is_that_of_the_tables(freedom: int, point: float) -> None:
    """Table in Student, "The probable error of a mean", as printed since."""
    assert student_t(freedom) == pytest.approx(point, rel=0.01)


def test_two_rounds_have_no_interval() -> None:
    assert Latency.of([[1, 2], [2, 3]]).intervals() == {}


# measuring


def test_samples_are_milliseconds(clock: Clock) -> None:
    (found,) = measured([clock.taking(3)], LatencyPlan(8, 0, 2, 0))
    np.testing.assert_allclose(found.samples, [3] * 8)


def test_candidates_take_turns(clock: Clock) -> None:
    order = ""

    def called(name: str) -> Callable[[], None]:
        def call() -> None:
            nonlocal order
            order += name
            clock.now += 1e-3

        return call

    measured([called("a"), called("b"), called("c")], LatencyPlan(24, 0, 12, 0))
    assert order[:3] == "abc"  # one call each to warm up
    rounds = [order[start : start + 6 : 2] for start in range(3, len(order), 6)]
    assert [sorted(each) for each in rounds] == 12 * [["a", "b", "c"]]
    assert {each[0] for each in rounds} == {"a", "b", "c"}  # none always comes first


def test_the_order_of_the_rows_is_drawn_by_the_plans_seed(clock: Clock) -> None:
    def order(seed: int) -> list[str]:
        called: list[str] = []
        rows = [Called(clock.taking(1)) for _ in range(4)]
        for name, row in zip("abcd", rows, strict=True):
            row.turn = lambda *plan, name=name: (
                called.append(name) or take_turn(clock.taking(1), 1, 0)
            )  # type: ignore
        measure(rows, LatencyPlan(4, 0, 4, 0, seed=seed), lambda: None)
        return called

    assert order(0) == order(0) != order(1)


def test_the_first_calls_of_a_turn_are_kept_apart(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "LEAD_CALLS", 3)
    taken = take_turn(clock.taking(9, 8, 7, *[1] * 25), queries=25, seconds=0)
    assert taken.lead_in == pytest.approx([9, 8, 7])
    assert taken.samples == pytest.approx([1] * 25)  # cold calls would have been its p99
    assert taken.wall == pytest.approx(0.049)


@pytest.mark.parametrize(("milliseconds", "calls"), [(1, 20), (15, 3), (200, 3), (700, 1)])
def test_a_lead_in_is_longer_for_quick_rows(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, milliseconds: float, calls: int
) -> None:
    monkeypatch.setattr(timing, "LEAD_CALLS", 3)
    monkeypatch.setattr(timing, "LEAD_SECONDS", 0.0199)
    taken = take_turn(clock.taking(milliseconds), queries=1, seconds=0)
    assert len(taken.lead_in) == calls
    assert len(taken.samples) == 1


@pytest.mark.parametrize("queries", [1, 8, 10, 100])
def test_at_least_as_many_queries_as_asked_for(clock: Clock, queries: int) -> None:
    plan = LatencyPlan(queries, seconds=0, rounds=8, warmup_seconds=0)
    for found in measured([clock.taking(1), clock.taking(5)], plan):
        assert queries <= len(found.samples) < queries + plan.rounds


def test_at_least_as_long_as_asked_for_too(clock: Clock) -> None:
    plan = LatencyPlan(queries=8, seconds=0.8, rounds=8, warmup_seconds=0)
    quick, slow = measured([clock.taking(1), clock.taking(90)], plan)
    assert quick.samples.sum() == pytest.approx(800, abs=8)
    assert slow.samples.sum() >= 800
    assert len(slow.samples) >= 8


def test_a_machine_that_slows_down_slows_all_alike(clock: Clock) -> None:
    slower = [*[1.0] * 41, *[2.0] * 40]  # the warm-up's call, then half and half
    first, second = measured(
        [clock.taking(*slower), clock.taking(*slower)], LatencyPlan(80, 0, 8, 0)
    )
    assert first.percentile(50) == pytest.approx(second.percentile(50))


def test_there_is_a_tick_a_turn(clock: Clock) -> None:
    ticks: list[float] = []
    rows = [Called(clock.taking(1)), Called(clock.taking(1))]
    measure(rows, LatencyPlan(6, 0, 3, 0), lambda: ticks.append(clock.now))
    assert len(ticks) == 6


def test_the_yardstick_is_timed_on_the_cores_of_the_row(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[int, ...]] = []
    monkeypatch.setattr(timing_loop, "yardstick", lambda cpus: held.append(cpus) or [1.0])
    taken = [Timings(cpus=(3,)), Timings()]
    measure([Called(clock.taking(1))] * 2, LatencyPlan(1, 0, 1, 0), lambda: None, taken)
    assert sorted(held) == [(), (), (3,), (3,)]  # before and after each turn


def test_nothing_to_measure_is_no_latency() -> None:
    assert measure([], LatencyPlan(), lambda: None) == []


def test_a_row_that_breaks_is_left_out_and_the_others_go_on(clock: Clock) -> None:
    calls = 0

    def breaks() -> None:
        nonlocal calls
        calls += 1
        clock.now += 1e-3
        if calls == 4:
            raise ModelError("it fell over")

    broken, whole = measure(
        [Called(breaks), Called(clock.taking(1))], LatencyPlan(6, 0, 3, 0), lambda: None
    )
    assert broken.error == "it fell over"
    assert len(broken.turns) == 1
    assert whole.error is None
    assert len(whole.turns) == 3


def test_an_interruption_leaves_what_was_measured(clock: Clock) -> None:
    taken = [Timings()]

    def tick() -> None:
        if len(taken[0].turns) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure([Called(clock.taking(1))], LatencyPlan(30, 0, 10, 0), tick, taken)
    assert len(taken[0].latency.samples) == 6


def test_a_turn_has_its_processor_time(clock: Clock) -> None:
    timing = take_turn(clock.taking(2), 5, 0)
    assert (timing.wall, timing.cpu) == (pytest.approx(0.01), pytest.approx(0.01))


def test_rigorous_is_1024_queries_and_a_minute() -> None:
    assert (RIGOROUS.queries, RIGOROUS.seconds) == (1024, 60)
    assert QUICK.lengthened(None, None) == QUICK
    assert QUICK.lengthened(7, 0.6).turn == (1, pytest.approx(0.05))


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"rounds": 0}, {"seconds": -1.0}])
def test_a_plan_that_measures_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="latency plan"):
        LatencyPlan(**wrong)


# warming up


def test_a_steady_call_is_warm_after_two_windows(clock: Clock) -> None:
    warmed = warm_up(clock.taking(1), seconds=60)
    assert (warmed.calls, warmed.steady) == (2 * WINDOW, True)


def test_a_slow_call_is_steady_by_fewer_calls(clock: Clock) -> None:
    warmed = warm_up(clock.taking(300), seconds=3)
    assert (warmed.calls, warmed.steady) == (2 * LEAST_WINDOW, True)


def test_a_call_that_gets_slower_is_not_steady_though_it_is_slow(clock: Clock) -> None:
    slower = [200 * 1.1**n for n in range(40)]
    assert warm_up(clock.taking(*slower), seconds=3).steady is False


def test_with_too_few_calls_it_is_unknown_whether_they_were_steady(clock: Clock) -> None:
    assert warm_up(clock.taking(1200), seconds=3).steady is None


def test_a_long_first_call_leaves_time_to_warm_up(clock: Clock) -> None:
    warmed = warm_up(clock.taking(4000, *[1] * 1000), seconds=3)
    assert (warmed.calls, warmed.steady) == (2 * WINDOW, True)


def test_a_call_that_gets_quicker_is_warmed_until_it_does_not(clock: Clock) -> None:
    quicker = [10 - 0.15 * n for n in range(60)]
    warmed = warm_up(clock.taking(*quicker, *[1.0] * 1000), seconds=60)
    assert 60 + WINDOW < warmed.calls <= 60 + 2 * WINDOW


def test_a_call_that_never_settles_is_warmed_for_so_long_only(clock: Clock) -> None:
    restless = [1.2**n for n in range(200)]
    warmed = warm_up(clock.taking(*restless), seconds=2)
    assert warmed.steady is False
    assert warmed.seconds >= 2
