"""Monitoring: throttling bits of the firmware, temperatures, threads by the CPU."""

from pathlib import Path

import pytest

from asmnet_edge.io.system import sensible_threads
from asmnet_edge.runtime.monitoring import celsius, throttle_bits, throttled_before, throttling


# from Raspberry Pi's documentation of vcgencmd get_throttled
@pytest.mark.parametrize(
    ("bits", "now", "before"),
    [
        (0x0, [], []),
        (0x50000, [], ["under-voltage", "throttled"]),
        (0x50005, ["under-voltage", "throttled"], ["under-voltage", "throttled"]),
        (0x80008, ["soft temperature limit"], ["soft temperature limit"]),
    ],
)
def test_bits_are_read(bits: int, now: list[str], before: list[str]) -> None:
    assert (throttling(bits), throttled_before(bits)) == (now, before)


def test_the_drivers_file_is_hexadecimal(tmp_path: Path) -> None:
    (tmp_path / "get_throttled").write_text("50005\n")
    assert throttle_bits(tmp_path / "get_throttled") == 0x50005


def test_vcgencmd_is_run_where_there_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x4\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert throttle_bits(tmp_path / "none") == 4


def test_other_boards_report_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert throttle_bits(tmp_path / "none") is None
    assert celsius(tmp_path / "none") is None


def test_the_hottest_zone_is_reported_in_degrees(tmp_path: Path) -> None:
    for zone, text in enumerate(["48312\n", "61234\n", "0\n", "no number"]):
        (tmp_path / f"thermal_zone{zone}").mkdir()
        (tmp_path / f"thermal_zone{zone}" / "temp").write_text(text)
    assert celsius(tmp_path) == pytest.approx(61.234)


@pytest.mark.parametrize(
    ("machine", "cores", "threads"),
    [("aarch64", 4, 3), ("aarch64", 1, 1), ("aarch64", 16, 4), ("x86_64", 8, 1)],
)
def test_threads_are_sensible(machine: str, cores: int, threads: int) -> None:
    assert sensible_threads(machine, cores) == threads
