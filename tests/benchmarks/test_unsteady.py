"""Doubt: what the samples and the machine say against the numbers."""

import os
from typing import Any

import numpy as np
import pytest

from asmnet_edge.benchmarks import machine, timing
from asmnet_edge.benchmarks.latency_statistics import Latency, note_of, power_warning, unsteady
from asmnet_edge.benchmarks.machine import PowerSupply, Sensors, throttle_words
from asmnet_edge.benchmarks.record_types import RoundNote
from asmnet_edge.benchmarks.timing import REPEATS, Turn, _pinned_to, yardstick
from asmnet_edge.runtime import monitoring

told_by_board = monitoring.throttle_bits
QUIET = Sensors(100.0, 0.0, 2600.0, 50.0, None)
STEADY = Latency.of([[10, 11, 10, 9] * 25] * 8)


def note(**changed: Any) -> RoundNote:
    """A round of one second in which nothing was amiss."""
    calm = {"seconds": 1.0, "cpu_seconds": 1.0, "preemptions": 0, "others_cores": 0.0,
            "stolen_cores": 0.0, "mhz": 2600.0, "celsius_before": 50.0, "celsius": 50.0,
            "throttled": None, "slowed": None, "yardstick_ms": 1.0}  # fmt: skip
    return RoundNote(**{**calm, **changed})


# samples


def test_like_samples_are_steady() -> None:
    assert unsteady(STEADY, [note()] * 8, 1) == []


def test_a_spread_is_reported() -> None:
    # every fifth call takes twice as long
    (reason,) = unsteady(Latency.of([[10, 10, 10, 10, 20] * 20] * 4), [], 1)
    assert reason == "p90 is 2.00 times p50"


def test_a_rare_outlier_is_no_spread() -> None:
    assert unsteady(Latency.of([[*[10] * 49, 500, *[10] * 50]] * 4), [], 1) == []


@pytest.mark.parametrize(("last", "reported"), [(12, "+20 %"), (8, "-20 %")])
def test_a_drift_is_reported(last: float, reported: str) -> None:
    reasons = unsteady(Latency.of([[10] * 50, [last] * 50]), [], 1)
    assert reasons == [f"the median moved by {reported} while measuring"]


def test_rounds_that_disagree_are_reported() -> None:
    reasons = unsteady(Latency.of([[10] * 50, [11] * 50] * 4), [], 1)
    assert reasons == ["p50's interval is 10 % wide, its rounds differ"]


# machine


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        ({"others_cores": 0.8}, "other processes kept 0.8 cores busy"),
        ({"stolen_cores": 0.3}, "the virtual machine's host took 0.30 cores away"),
        ({"cpu_seconds": 0.7}, "it had to wait for the processor 30 % of the time"),
        ({"slowed": 0b101}, "the board reports: throttled"),
        ({"celsius": 83.4}, "it was hot: 83 °C"),
    ],
)
def test_what_the_machine_did_is_a_reason(changed: dict[str, float], reported: str) -> None:
    assert reported in unsteady(STEADY, [note(**changed)] * 8, 1)


def test_several_threads_may_wait_for_each_other() -> None:
    assert unsteady(STEADY, [note(cpu_seconds=0.7)] * 8, 2) == []


def test_a_frequency_that_changes_is_reported() -> None:
    notes = [note(mhz=mhz) for mhz in (2600.0, 2600.0, 1500.0, 1500.0)]
    (reason,) = unsteady(STEADY, notes, 1)
    assert reason.startswith("the frequency went from 1500 to 2600 MHz")


def test_a_machine_without_sensors_is_seen_through_the_yardstick() -> None:
    notes = [note(mhz=None, celsius=None, yardstick_ms=1 + 0.1 * n) for n in range(8)]
    (reason,) = unsteady(STEADY, notes, 1)
    assert reason.startswith("a fixed piece of work went from")


def test_one_odd_round_is_no_change_of_the_machine() -> None:
    assert unsteady(STEADY, [*[note()] * 7, note(yardstick_ms=9.0)], 1) == []


def test_what_is_unknown_is_no_reason() -> None:
    silent = note(others_cores=None, stolen_cores=None, mhz=None, celsius=None)
    assert unsteady(STEADY, [silent] * 8, 1) == []


def test_others_are_what_was_busy_without_this_row() -> None:
    turn = Turn((1.0,), wall=2.0, cpu=1.9, preemptions=3)
    later = Sensors(100.0 + 1.9 + 1.0, 0.1, 2600.0, 51.0, None)
    reported = note_of(turn, QUIET, later, [3.0, 1.0, 2.0])
    assert reported.others_cores == pytest.approx(0.5)
    assert reported.stolen_cores == pytest.approx(0.05)
    assert (reported.preemptions, reported.celsius, reported.yardstick_ms) == (3, 51.0, 2.0)


@pytest.mark.parametrize(
    ("before", "after", "reported"),
    [
        (0, 0, []),
        (0x20000, 0x20000, []),  # it has been so before
        (0, 0x40000, ["throttled"]),  # it came and went
        (0x4, 0x40000, ["throttled"]),
        (0x40000, 0x50005, ["throttled", "under-voltage"]),
        (None, 0x1, ["under-voltage"]),
        (None, None, []),
    ],
)
def test_a_slow_down_within_a_turn_is_noticed(
    before: int | None, after: int | None, reported: list[str]
) -> None:
    first, last = (Sensors(None, None, None, 60.0, flags) for flags in (before, after))
    noted = note_of(Turn((1.0,), 1.0, 1.0, 0), first, last, [1.0])
    assert sorted(throttle_words(noted.slowed)) == reported
    assert noted.celsius_before == 60


def test_the_yardstick_lies_on_the_cores_of_the_row() -> None:
    before, core = os.sched_getaffinity(0), min(os.sched_getaffinity(0))
    with _pinned_to([core]):
        assert os.sched_getaffinity(0) == {core}
    assert os.sched_getaffinity(0) == before
    with _pinned_to([10_000]):  # there is none: it lies where it likes
        assert os.sched_getaffinity(0) == before


def test_flags_of_the_past_are_not_of_now() -> None:
    assert throttle_words(0x50000) == []
    assert throttle_words(0x50005) == ["under-voltage", "throttled"]


@pytest.mark.parametrize(
    ("power", "reported"),
    [
        (PowerSupply("battery", 9), "running on a battery at 9 %"),
        (PowerSupply("battery", 80), None),
        (PowerSupply("mains", 9), None),
        (PowerSupply(), None),
    ],
)
def test_a_low_battery_is_reported(power: PowerSupply, reported: str | None) -> None:
    assert power_warning(power) == reported


def test_the_yardstick_times_the_same_work_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor of half the speed takes twice as long for it."""
    now, seconds = [0.0], iter([0.001] * REPEATS + [0.002] * REPEATS)

    def work() -> None:
        now[0] += next(seconds)

    monkeypatch.setattr(timing, "_work", work)
    monkeypatch.setattr(timing, "perf_counter", lambda: now[0])
    assert yardstick() == pytest.approx([1.0] * REPEATS)
    assert yardstick() == pytest.approx([2.0] * REPEATS)


def test_the_yardsticks_work_is_repeatable_and_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sorts and sums: numbers of another order or value would be other work."""
    sorted_numbers, sort = [], np.sort
    monkeypatch.setattr(timing.np, "sort", lambda values: sorted_numbers.append(sort(values)))
    yardstick()
    assert len(sorted_numbers) == REPEATS
    assert len(sorted_numbers[0]) == 2**15
    np.testing.assert_array_equal(sorted_numbers[0], sorted_numbers[-1])
    assert (np.diff(sorted_numbers[0]) >= 0).all()


# sensors


def test_a_pi_is_read_from_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name, text in {
        "cpu0/cpufreq/scaling_cur_freq": "1500000\n",
        "cpu1/cpufreq/scaling_cur_freq": "1800000\n",
        "get_throttled": "50005\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(machine, "CPUS", str(tmp_path))
    monkeypatch.setattr(
        monitoring, "throttle_bits", lambda: told_by_board(tmp_path / "get_throttled")
    )
    monkeypatch.setattr(monitoring, "celsius", lambda: 61.234)
    seen = machine.read_sensors()
    assert (seen.mhz, seen.celsius, seen.throttled) == (1650.0, 61.234, 0x50005)


def test_a_battery_is_read_from_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name, text in {
        "BAT0/type": "Battery", "BAT0/capacity": "17", "AC/type": "Mains", "AC/online": "0",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    glob = machine._glob
    monkeypatch.setattr(machine, "_glob", lambda folder, pattern: glob(str(tmp_path), pattern))
    assert machine.read_power() == PowerSupply("battery", 17)
    (tmp_path / "BAT0" / "scope").write_text("Device\n")  # a mouse
    assert machine.read_power() == PowerSupply()
    (tmp_path / "AC" / "online").write_text("1")
    assert machine.read_power().source == "mains"
