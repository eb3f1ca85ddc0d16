"""Another machine: a real sshd of our own on this one, and a line that is cut."""

import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess
from zipfile import ZipFile

import pytest

from asmnet_edge.benchmarks.remote import ssh
from asmnet_edge.benchmarks.remote.package import WHEEL, bundle, wheel
from asmnet_edge.benchmarks.remote.ssh import LOST, Host, RemoteRun
from asmnet_edge.errors import CheckFailedError, UsageError

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
ROW = ["--no-float", "--queries", "8", "--seconds", "0", "--no-cold", "--json"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """An sshd with keys of its own, for this user alone."""
    if not (Path(SSHD).is_file() and shutil.which("ssh-keygen")):
        pytest.skip("needs sshd: apt install openssh-server")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = {"Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host",
                "AuthorizedKeysFile": folder / "user.pub", "StrictModes": "no", "UsePAM": "no",
                "PidFile": "none", "PermitRootLogin": "yes"}  # fmt: skip
    options = [word for item in settings.items() for word in ("-o", "{}={}".format(*item))]
    server = subprocess.Popen([SSHD, "-D", "-f", "/dev/null", *options])
    known = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    made = Host("127.0.0.1", (f"Port={port}", f"IdentityFile={folder / 'user'}", *known),
                sys.executable)  # fmt: skip
    try:
        _wait_for(made)
        yield made
    finally:
        server.kill()
        server.wait()


def _wait_for(host: Host) -> None:
    for _ in range(50):
        if host.run("true").returncode == 0:
            return
        time.sleep(0.2)
    pytest.skip("sshd does not answer here")


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for does not."""
    status = Path(f"/proc/{pid}/status")
    return status.is_file() and "State:\tZ" not in status.read_text()


# what travels


def test_the_wheel_is_the_program() -> None:
    names = ZipFile(BytesIO(wheel())).namelist()
    for name in ("__init__.py", "py.typed", "benchmarks/rows/worker.py", "cli/main.py",
                 "converters/__init__.py", "runtime/litert.py", "data/catalog.py"):  # fmt: skip
        assert f"asmnet_edge/{name}" in names
    assert len(names) == len(set(names))
    assert not [name for name in names if "__pycache__" in name or "test_" in name]


def test_an_artifact_travels_with_its_manifest(artifacts: list[Path]) -> None:
    with tarfile.open(fileobj=BytesIO(bundle(artifacts))) as archive:
        names = archive.getnames()
    assert names == [
        WHEEL,
        *("0/tiny-float32.tflite", "0/tiny-float32.tflite.json"),
        *("1/tiny-int8.tflite", "1/tiny-int8.tflite.json"),
    ]


# a run there


def test_a_run_there_brings_its_record_back_and_leaves_nothing(
    host: Host, artifacts: list[Path]
) -> None:
    said: list[str] = []
    there = RemoteRun(host, said.append)
    try:
        there.start([*there.prepare(artifacts[1:]), *ROW])
        assert there.wait() == 0
        (row,) = there.fetch()["results"]
    finally:
        there.clean()
    assert row["latency_ms"]["calls"] >= 8
    assert row["name"] == "tiny-int8.tflite"
    assert any(line.startswith("latency") for line in said)
    assert not Path(there.folder).exists()


def test_a_cut_connection_is_taken_up_again(
    host: Host, artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    there, run, cuts = RemoteRun(host, said.append), Host.run, iter(range(3))

    def cut(self: Host, script: str, given: bytes = b"") -> CompletedProcess[bytes]:
        if "tail -c" in script and next(cuts, None) is not None:
            return CompletedProcess([], LOST, b"", b"Connection reset by peer")
        return run(self, script, given)

    try:
        there.start([*there.prepare(artifacts[1:]), *ROW])
        monkeypatch.setattr(Host, "run", cut)
        assert there.wait() == 0
        assert len(there.fetch()["results"]) == 1
    finally:
        there.clean()
    assert said.count("connection lost: trying again") == 3
    assert len([line for line in said if line.startswith("Starting")]) == 1


def test_a_machine_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = CompletedProcess([], LOST, b"", b"")
    monkeypatch.setattr(Host, "run", lambda self, script, given=b"": gone)
    monkeypatch.setattr(ssh, "PAUSE", 0.01)
    there = RemoteRun(Host("nowhere"), lambda line: None, "/tmp/gone", patience=0.05)
    with pytest.raises(CheckFailedError, match="nowhere has not answered"):
        there.wait()


def test_a_run_that_is_ended_keeps_what_it_measured(host: Host, artifacts: list[Path]) -> None:
    said: list[str] = []
    there = RemoteRun(host, said.append)
    try:
        words = [*there.prepare(artifacts[1:]), "--no-float", "--seconds", "600", "--no-cold"]
        there.start(words)
        for _ in range(150):
            there._news()
            if any(line.startswith("latency") for line in said):
                break
            time.sleep(0.2)
        time.sleep(2)
        there.stop()
        assert there.wait() == 130
        assert there.fetch()["interrupted"] is True
    finally:
        there.clean()


def test_cleaning_ends_what_still_runs(host: Host, artifacts: list[Path]) -> None:
    there = RemoteRun(host, lambda line: None)
    there.start([*there.prepare(artifacts[1:]), "--no-float", "--seconds", "600"])
    time.sleep(1)
    group = int((Path(there.folder) / "pid").read_text())
    there.clean()
    time.sleep(0.5)
    assert not alive(group)
    assert not Path(there.folder).exists()


def test_a_python_without_the_packages_is_told_before_anything_is_copied(host: Host) -> None:
    there = RemoteRun(Host(host.name, host.options, "/bin/false"), lambda line: None)
    with pytest.raises(UsageError, match=r"It needs Python 3\.11"):
        there.prepare([])
    assert there.folder == ""


def test_a_machine_that_is_not_there_is_told() -> None:
    if not shutil.which("ssh"):
        pytest.skip("needs ssh")
    there = RemoteRun(Host("127.0.0.1", ("Port=9",)), lambda line: None)
    with pytest.raises(UsageError, match=r"127\.0\.0\.1: "):
        there.prepare([])
