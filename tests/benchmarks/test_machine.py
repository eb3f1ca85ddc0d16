"""The machine: described by what its system reports, also where that is little."""

import json

import pytest

from asmnet_edge.benchmarks import machine as module
from asmnet_edge.benchmarks.machine import DeviceInfo, fastest_cpus, load_average

PI = {
    "/proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4",
    "/proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\n"
    "Features\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n\n"
    "processor\t: 1\nFeatures\t: fp asimd evtstrm crc32 cpuid\n\nRevision\t: c03114\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand",
}
DESKTOP = {
    "/proc/cpuinfo": "processor\t: 0\nmodel name\t: Example CPU @ 3.00GHz\n"
    "flags\t\t: fpu sse2 avx2 avx512f avx512_vnni avx2x\n\n"
    "processor\t: 1\nmodel name\t: Example CPU @ 3.00GHz\nflags\t\t: fpu\n",
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> DeviceInfo:
    """Description of a machine with these system files."""
    monkeypatch.setattr(module, "read_text", request.param.get)
    lines = request.param.get("/proc/cpuinfo", "").splitlines()
    monkeypatch.setattr(module.system, "features", lambda: module.system._flags(lines))
    return DeviceInfo.of_this_machine()


@pytest.mark.parametrize("machine", [PI], indirect=True)
def test_a_pi_is_known_by_its_board(machine: DeviceInfo) -> None:
    assert machine.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert machine.features == ("asimd",)
    assert machine.governor == "ondemand"


@pytest.mark.parametrize("machine", [DESKTOP], indirect=True)
def test_a_desktop_is_known_by_its_cpu(machine: DeviceInfo) -> None:
    assert machine.cpu == "Example CPU @ 3.00GHz"
    assert machine.features == ("avx2", "avx512_vnni", "avx512f")
    assert (machine.board, machine.governor) == (None, None)


@pytest.mark.parametrize("machine", [{}], indirect=True)
def test_a_system_without_system_files_is_still_a_machine(machine: DeviceInfo) -> None:
    assert machine.cpu
    assert machine.features == ()
    assert machine.cores >= 1


def test_a_board_name_ends_where_its_text_does(tmp_path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5\0")
    assert module.read_text(str(tmp_path / "model")) == "Raspberry Pi 5"
    assert module.read_text(str(tmp_path / "gone")) is None


def test_this_machine_can_be_written_down() -> None:
    facts = DeviceInfo.of_this_machine().as_json()
    assert json.loads(json.dumps(facts)) == {**facts, "features": list(facts["features"])}
    assert facts["memory_mib"] is None or facts["memory_mib"] > 100
    assert facts["python"].startswith("3.")


def test_the_load_is_a_number_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    load = load_average()
    assert load is None or load >= 0
    monkeypatch.delattr(module.os, "getloadavg", raising=False)
    assert load_average() is None


def test_the_fastest_cores_are_the_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{module.CPUS}/cpu{n}/cpu_capacity": str(c) for n, c in enumerate((440, 440, 1024))}
    monkeypatch.setattr(module, "read_text", files.get)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda pid: {0, 1, 2})
    assert fastest_cpus(1) == (2,)
    assert fastest_cpus(2) == (0, 2)


def test_versions_of_what_takes_part_are_reported() -> None:
    assert "numpy" in DeviceInfo.of_this_machine().packages
