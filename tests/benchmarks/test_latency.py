"""Latency: a clock that only moves when told, so that every number is known beforehand."""

from collections.abc import Callable

import numpy as np
import pytest

from asmnet_edge.benchmarks import latency
from asmnet_edge.benchmarks.latency import WINDOW, Latency, LatencyPlan, measure, warm_up


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(latency, "perf_counter", clock)
    return clock


def samples(*values: float) -> Latency:
    return Latency(np.array(values), 0)


def quiet() -> None:
    """A tick that nobody counts."""


# figures


def test_percentiles_of_known_samples() -> None:
    known = Latency(np.random.default_rng(0).permutation(np.arange(1.0, 102)), 7)
    assert [known.percentile(p) for p in (0, 50, 90, 99, 100)] == [1, 51, 91, 100, 101]
    figures = known.as_json()
    assert (figures["p50"], figures["p90"], figures["p99"], figures["mean"]) == (51, 91, 100, 51)
    assert (figures["calls"], figures["warmup_calls"]) == (101, 7)


def test_every_sample_is_kept_in_its_order() -> None:
    assert samples(3, 1.00004, 2).as_json()["samples"] == [3, 1, 2]


# doubt


def test_like_samples_are_steady() -> None:
    assert samples(*[10, 11, 10, 9] * 25).unsteady() == []


def test_a_spread_is_told() -> None:
    # every fifth call takes twice as long
    (reason,) = samples(*[10, 10, 10, 10, 20] * 20).unsteady()
    assert reason == "p90 is 2.00 times p50"


def test_a_rare_outlier_is_no_spread() -> None:
    assert samples(*[10] * 49, 500, *[10] * 50).unsteady() == []


@pytest.mark.parametrize(("last", "told"), [(12, "+20 %"), (8, "-20 %")])
def test_a_drift_is_told(last: float, told: str) -> None:
    (reason,) = samples(*[10] * 50, *[last] * 50).unsteady()
    assert reason == f"the median moved by {told} while measuring"


@pytest.mark.parametrize("last", [11.4, 8.6])
def test_a_small_drift_is_none(last: float) -> None:
    assert samples(*[10] * 50, *[last] * 50).unsteady() == []


def test_spread_and_drift_are_both_told() -> None:
    assert len(samples(*[10] * 50, *[40] * 50).unsteady()) == 2


# measuring


def test_samples_are_milliseconds(clock: Clock) -> None:
    (found,) = measure([clock.taking(3)], LatencyPlan(8, 0, 2, 0), quiet)
    np.testing.assert_allclose(found.samples, [3] * 8)


def test_candidates_take_turns(clock: Clock) -> None:
    order = ""

    def called(name: str) -> Callable[[], None]:
        def call() -> None:
            nonlocal order
            order += name
            clock.now += 1e-3

        return call

    measure([called("a"), called("b"), called("c")], LatencyPlan(6, 0, 3, 0), quiet)
    assert order == "abc" + 3 * "aabbcc"  # one call each to warm up


@pytest.mark.parametrize("queries", [1, 8, 10, 100])
def test_at_least_as_many_queries_as_asked_for(clock: Clock, queries: int) -> None:
    plan = LatencyPlan(queries, seconds=0, rounds=8, warmup_seconds=0)
    for found in measure([clock.taking(1), clock.taking(5)], plan, quiet):
        assert queries <= len(found.samples) < queries + plan.rounds


def test_at_least_as_long_as_asked_for(clock: Clock) -> None:
    plan = LatencyPlan(queries=8, seconds=0.8, rounds=8, warmup_seconds=0)
    quick, slow = measure([clock.taking(1), clock.taking(90)], plan, quiet)
    assert quick.samples.sum() == pytest.approx(800, abs=8)
    assert slow.samples.sum() >= 800


def test_a_machine_that_slows_down_slows_all_alike(clock: Clock) -> None:
    slower = [*[1.0] * 41, *[2.0] * 40]  # the warm-up's call, then half and half
    first, second = measure(
        [clock.taking(*slower), clock.taking(*slower)], LatencyPlan(80, 0, 8, 0), quiet
    )
    assert first.percentile(50) == pytest.approx(second.percentile(50))
    assert first.unsteady() == second.unsteady() != []


def test_there_is_a_tick_a_turn(clock: Clock) -> None:
    ticks: list[float] = []
    calls = [clock.taking(1), clock.taking(1)]
    measure(calls, LatencyPlan(6, 0, 3, 0), lambda: ticks.append(clock.now))
    assert len(ticks) == 6


def test_nothing_to_measure_is_no_latency() -> None:
    assert measure([], LatencyPlan(), quiet) == []


# warming up


def test_a_steady_call_is_warm_after_two_windows(clock: Clock) -> None:
    assert warm_up(clock.taking(1), seconds=60) == 2 * WINDOW


def test_a_call_that_gets_quicker_is_warmed_until_it_does_not(clock: Clock) -> None:
    quicker = [10 - 0.15 * n for n in range(60)]
    calls = warm_up(clock.taking(*quicker, *[1.0] * 1000), seconds=60)
    assert 60 + WINDOW < calls <= 60 + 2 * WINDOW


def test_warming_up_ends_when_its_time_is_over(clock: Clock) -> None:
    ever_slower = clock.taking(*[1.2**n for n in range(200)])
    warm_up(ever_slower, seconds=1)
    assert 1 <= clock.now < 1.4


def test_warm_up_calls_are_counted_and_not_kept(clock: Clock) -> None:
    (found,) = measure([clock.taking(*[50] * 40, *[2] * 8)], LatencyPlan(8, 0, 1, 60), quiet)
    assert found.warmup_calls == 40
    np.testing.assert_allclose(found.samples, [2] * 8)
