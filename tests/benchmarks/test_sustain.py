"""Sustained load: a curve over wall time, rows that begin alike, and those that slow down."""

from dataclasses import replace
from typing import Any

import pytest

from asmnet_edge.benchmarks import timing_loop
from asmnet_edge.benchmarks.machine import Sensors
from asmnet_edge.benchmarks.record_types import WarmUp
from asmnet_edge.benchmarks.timing import Turn
from asmnet_edge.benchmarks.timing_loop import cool_down, summary, sustain, throttled


class Day:
    """Time that passes by being waited for, and a machine that cools by ``degrees`` a second."""

    def __init__(self, celsius: float, degrees: float) -> None:
        self.now, self.celsius, self.degrees = 0.0, celsius, degrees

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.celsius -= self.degrees * seconds


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    day = Day(75.0, 0.5)
    monkeypatch.setattr(timing_loop, "monotonic", lambda: day.now)
    monkeypatch.setattr(timing_loop, "sleep", day.sleep)
    monkeypatch.setattr(timing_loop, "celsius", lambda: day.celsius)
    monkeypatch.setattr(
        timing_loop, "read_sensors", lambda: Sensors(None, None, None, day.celsius, None)
    )
    monkeypatch.setattr(timing_loop, "yardstick", lambda cpus: [1.0])
    return day


class Slowing:
    """A row whose turns take what they are asked for and ``extra`` seconds, ever slower calls."""

    def __init__(self, day: Day, extra: float = 0.0, slower: float = 1.0) -> None:
        self.day, self.extra, self.slower, self.ms = day, extra, slower, 10.0

    def warm_up(self, seconds: float) -> WarmUp:
        return WarmUp(1, seconds, None)

    def turn(self, queries: int, seconds: float) -> Turn:
        self.day.now += seconds + self.extra
        self.ms *= self.slower
        return Turn((self.ms,) * 5, seconds, seconds, 0)


def test_the_curve_counts_all_time_that_passes(day: Day) -> None:
    points = sustain(Slowing(day, extra=0.5), 4.0, lambda: None)
    assert [point.at for point in points] == [0, 1.5, 3]


def test_a_row_that_gets_slower_is_doubtful(day: Day) -> None:
    reported = summary(sustain(Slowing(day, slower=1.1), 4.0, lambda: None))
    assert reported.start_celsius == 75
    assert throttled(reported) == ["sustained, p50 went from 11.55 to 13.98 ms"]
    assert throttled(summary(sustain(Slowing(day), 4.0, lambda: None))) == []


@pytest.mark.parametrize(
    ("changed", "printed"),
    [({"slowed": 0x4}, "the board reports: throttled"), ({"celsius": 85.0}, "it was hot: 85 °C")],
)
def test_a_board_that_had_to_slow_down_is_doubtful(
    day: Day, changed: dict[str, Any], printed: str
) -> None:
    points = sustain(Slowing(day), 3.0, lambda: None)
    points[1] = replace(points[1], **changed)
    assert throttled(summary(points)) == [f"sustained, {printed}"]


def test_the_next_row_waits_until_the_machine_is_cool(day: Day) -> None:
    assert cool_down(60.0, 1800.0) == pytest.approx(26, abs=2)  # 13 degrees, 2 being near enough
    assert day.celsius <= 62
    assert cool_down(60.0, 1800.0) == 0


def test_it_does_not_wait_for_ever_nor_without_a_thermometer(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cool_down(None, 1800.0) == 0
    day.degrees = 0.0
    assert cool_down(50.0, 1800.0) == pytest.approx(timing_loop.COOLING, abs=timing_loop.PAUSE)
    assert cool_down(50.0, 60.0) == pytest.approx(60, abs=timing_loop.PAUSE)
    monkeypatch.setattr(timing_loop, "celsius", lambda: None)
    assert cool_down(50.0, 1800.0) == 0
