"""Another machine: a real sshd of our own on this one, and a line that is cut."""

import json
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
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from asmnet_edge.benchmarks import remote
from asmnet_edge.benchmarks.cases import BenchmarkOptions, distinct_names
from asmnet_edge.benchmarks.remote import (
    KILLED,
    LOST,
    Host,
    RemoteRun,
    command_words,
    finish_remotely,
    models_of,
)
from asmnet_edge.benchmarks.remote_package import (
    WHEEL,
    RemoteFaces,
    bundle,
    files_of,
    places,
    wheel,
)
from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.csv_table import write_drawn
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.io.images import read_image

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
ROW = ["--no-float", "--queries", "8", "--seconds", "0", "--no-cold", "--json"]


@pytest.fixture(scope="module")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``faces.csv``, ``faces/`` and ``pose.csv`` of four drawn faces."""
    return write_drawn(DrawnFaces(4), tmp_path_factory.mktemp("faces") / "drawn").parent


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
    for name in ("__init__.py", "py.typed", "benchmarks/worker.py", "cli/main.py",
                 "converters/__init__.py", "runtime/backends/litert.py",
                 "datasets/catalog.py"):  # fmt: skip
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


def test_namesakes_are_called_there_what_they_are_called_here(tmp_path: Path) -> None:
    models = [tmp_path / folder / "net.keras" for folder in ("old", "new")]
    for model in models:
        model.parent.mkdir()
        model.write_bytes(b"")
    assert places(models) == ["0/old/net.keras", "1/new/net.keras"]
    with tarfile.open(fileobj=BytesIO(bundle(models))) as archive:
        assert archive.getnames() == [WHEEL, *places(models)]
    there = distinct_names([Path("/tmp/x") / place for place in places(models)])
    assert list(there.values()) == ["old/net.keras", "new/net.keras"]


def test_a_described_network_is_found_from_its_description_there(tmp_path: Path) -> None:
    described = tmp_path / "net.toml"
    described.write_text('model = "nets/net.xml"\n[input]\nsize = 32\n')
    (tmp_path / "nets").mkdir()
    for suffix in (".xml", ".bin"):
        (tmp_path / "nets" / f"net{suffix}").write_bytes(b"")
    names = [name for name, _ in files_of(described)]
    assert names == ["net.toml", "nets/net.bin", "nets/net.xml"]
    (tmp_path / "below").mkdir()
    lower = tmp_path / "below" / "net.toml"
    lower.write_text(described.read_text().replace("nets/", "../nets/"))
    with pytest.raises(UsageError, match="is not below it. Move it there for --ssh"):
        files_of(lower)


def test_faces_travel_as_they_are(tmp_path: Path, faces_folder: Path) -> None:
    given = open_dataset(f"csv:{faces_folder / 'faces.csv'}")
    abroad = RemoteFaces(given, "train")
    for name, content in abroad.files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    words = abroad.words(str(tmp_path))
    there = open_dataset(words[1])
    for ours, theirs in zip(given.samples("train"), there.samples(words[3]), strict=True):
        np.testing.assert_array_equal(ours.landmarks.points, theirs.landmarks.points)
        np.testing.assert_array_equal(ours.pose, theirs.pose)
        assert ours.file.read_bytes() == theirs.file.read_bytes()


def test_faces_without_a_file_travel_without_loss(tmp_path: Path) -> None:
    samples = DrawnFaces(2).samples("test")
    abroad = RemoteFaces(DrawnFaces(2), "test")
    pictures = [content for name, content in abroad.files() if name.endswith(".png")]
    for content, sample in zip(pictures, samples, strict=True):
        (tmp_path / "a.png").write_bytes(content)
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), sample.load())


def test_the_options_are_passed_on_as_words() -> None:
    options = BenchmarkOptions(
        artifacts=(Path("a.tflite"),), beside=(Path("b.toml"),), float_model=Path("f.keras"),
        threads="1,2", queries=8, pictures=True, cold=False,
    )  # fmt: skip
    assert models_of(options) == [Path("a.tflite"), Path("b.toml"), Path("f.keras")]
    words = command_words(options, ["/t/a.tflite", "/t/b.toml", "/t/f.keras"])
    assert words == [
        *("/t/a.tflite", "--beside", "/t/b.toml", "--float-model", "/t/f.keras"),
        *("--threads", "1,2", "--cpus", "any", "--runtimes", "usual", "--queries", "8"),
        *("--pictures", "--no-cold"),
    ]


# a run there


def test_a_run_there_brings_its_record_back_and_leaves_nothing(
    host: Host, artifacts: list[Path]
) -> None:
    printed: list[str] = []
    there = RemoteRun(host, printed.append)
    try:
        there.start([*there.prepare(artifacts[1:]), *ROW])
        assert there.wait() == 0
        (row,) = there.fetch()["results"]
    finally:
        there.clean()
    assert row["latency_ms"]["calls"] >= 8
    assert row["name"] == "tiny-int8.tflite"
    assert any(line.startswith("latency") for line in printed)
    assert not Path(there.folder).exists()


def test_faces_of_this_machine_are_measured_there_under_their_name_here(
    host: Host, artifacts: list[Path], faces_folder: Path
) -> None:
    def record_of(*words: str) -> Any:
        command = [sys.executable, "-m", "asmnet_edge", "benchmark", "run", *words]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    options = [word for option in host.options for word in ("--ssh-option", option)]
    data = f"csv:{faces_folder / 'faces.csv'}"
    words = [str(artifacts[1]), "--data", data, "--subset", "train", *ROW]
    here = record_of(*words)
    there = record_of(*words, "--ssh", host.name, "--remote-python", host.python, *options)
    assert there["settings"]["faces"] == here["settings"]["faces"]
    accuracies = [record["results"][0]["accuracy"] for record in (here, there)]
    assert accuracies[0]["errors"] == accuracies[1]["errors"]
    assert accuracies[0]["on"] == accuracies[1]["on"] == "csv train"


def test_a_cut_connection_is_taken_up_again(
    host: Host, artifacts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    there, run, cuts = RemoteRun(host, printed.append), Host.run, iter(range(3))

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
    assert printed.count("connection lost: trying again") == 3
    assert len([line for line in printed if line.startswith("Starting")]) == 1


def test_a_machine_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = CompletedProcess([], LOST, b"", b"")
    monkeypatch.setattr(Host, "run", lambda self, script, given=b"": gone)
    monkeypatch.setattr(remote, "PAUSE", 0.01)
    there = RemoteRun(Host("nowhere"), lambda line: None, "/tmp/gone", patience=0.05)
    with pytest.raises(CheckFailedError, match="benchmark fetch nowhere:/tmp/gone"):
        there.wait()


def test_a_record_is_fetched_though_the_line_is_cut(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "record.json").write_text('{"results": []}')
    run, cuts = Host.run, iter(range(2))

    def cut(self: Host, script: str, given: bytes = b"") -> CompletedProcess[bytes]:
        if next(cuts, None) is not None:
            return CompletedProcess([], LOST, b"", b"Connection reset by peer")
        return run(self, script, given)

    monkeypatch.setattr(Host, "run", cut)
    monkeypatch.setattr(remote, "PAUSE", 0.01)
    printed: list[str] = []
    assert RemoteRun(host, printed.append, str(tmp_path)).fetch() == {"results": []}
    assert printed == ["connection lost: trying again"] * 2


def test_a_folder_that_is_gone_is_reported_at_once(host: Host, tmp_path: Path) -> None:
    there = RemoteRun(host, lambda line: None, str(tmp_path / "gone"))
    for question in (there.wait, there.fetch):
        with pytest.raises(CheckFailedError, match="gone is gone. Was the machine started anew"):
            question()


def test_a_run_that_was_killed_leaves_what_it_had_written(host: Host, tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / "pid").write_text(str(ended.pid))
    (tmp_path / "record.json").write_text('{"interrupted": true}')
    there = RemoteRun(host, lambda line: None, str(tmp_path))
    assert there.wait() == KILLED
    assert there.fetch() == {"interrupted": True}


def test_a_strangers_process_after_a_restart_is_not_taken_for_the_run(
    host: Host, tmp_path: Path
) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    (tmp_path / "pid").write_text(str(stranger.pid))
    (tmp_path / "boot").write_text("another\n")
    there = RemoteRun(host, lambda line: None, str(tmp_path))
    try:
        assert there.wait() == KILLED
        there.clean()
        assert alive(stranger.pid)
        assert not tmp_path.exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_run_is_taken_up_by_another_who_fetches_and_cleans(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "asmnet-edge-0123456789ab"
    folder.mkdir()
    record = {"schema_version": 2, "settings": {"faces": {"on": "csv train"}}, "results": []}
    (folder / "record.json").write_text(json.dumps(record | {"interrupted": False}))
    (folder / "faces.json").write_text('{"on": "300w common", "missing": []}')
    (folder / "log").write_text("latency: 8\n")
    (folder / "code").write_text("0\n")
    options = [word for option in host.options for word in ("--ssh-option", option)]
    words = ["fetch", f"{host.name}:{folder}", "--json", "--output", str(tmp_path / "r.json")]
    command = [sys.executable, "-m", "asmnet_edge", "benchmark", *words, *options]
    done = subprocess.run(command, capture_output=True, check=True)
    assert json.loads(done.stdout)["settings"]["faces"]["on"] == "300w common"
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads(done.stdout)
    assert b"latency: 8" in done.stderr
    assert not folder.exists()


def test_the_command_leaves_the_run_there_when_the_machine_stays_away(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").write_text("0")
    there = RemoteRun(host, lambda line: None, str(tmp_path), patience=0.05)
    run = Host.run

    def cut(self: Host, script: str, given: bytes = b"") -> CompletedProcess[bytes]:
        if "record.json" in script:
            return CompletedProcess([], LOST, b"", b"")
        return run(self, script, given)

    monkeypatch.setattr(Host, "run", cut)
    monkeypatch.setattr(remote, "PAUSE", 0.01)
    with pytest.raises(CheckFailedError, match="has not answered"):
        finish_remotely(there)
    assert (tmp_path / "code").exists()


def test_a_run_without_a_record_leaves_nothing(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "code").write_text("2")
    with pytest.raises(UsageError, match="no record was written"):
        finish_remotely(RemoteRun(host, lambda line: None, str(folder)))
    assert not folder.exists()


@pytest.mark.parametrize("place", ["host:/home/me", "host", "/tmp/asmnet-edge-0123456789ab"])
def test_only_folders_of_such_runs_are_resumed(place: str) -> None:
    with pytest.raises(UsageError, match="is not a place such as"):
        RemoteRun.at(place, (), lambda line: None)


def test_a_run_that_is_ended_keeps_what_it_measured(host: Host, artifacts: list[Path]) -> None:
    printed: list[str] = []
    there = RemoteRun(host, printed.append)
    try:
        words = [*there.prepare(artifacts[1:]), "--no-float", "--seconds", "600", "--no-cold"]
        there.start(words)
        for _ in range(150):
            there._news()
            if any(line.startswith("latency") for line in printed):
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


def test_a_python_without_the_packages_is_reported_before_anything_is_copied(host: Host) -> None:
    there = RemoteRun(Host(host.name, host.options, "/bin/false"), lambda line: None)
    with pytest.raises(UsageError, match=r"It needs Python 3\.11"):
        there.prepare([])
    assert there.folder == ""


def test_a_machine_that_is_not_there_is_reported() -> None:
    if not shutil.which("ssh"):
        pytest.skip("needs ssh")
    there = RemoteRun(Host("127.0.0.1", ("Port=9",)), lambda line: None)
    with pytest.raises(UsageError, match=r"127\.0\.0\.1: "):
        there.prepare([])
