"""The archive for a device: complete, checked, reproducible; its scripts are valid."""

import hashlib
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.runtime.bundle import ROOT, SCRIPTS, make_bundle, scripts_folder


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "asmnet_edge-0.1.0-py3-none-any.whl"
    with ZipFile(path, "w") as file:
        file.writestr("asmnet_edge/__init__.py", "")
    return path


@pytest.fixture
def unpacked(wheel: Path, tmp_path: Path) -> Path:
    make_bundle(wheel, [shipped(SHIPPED_INT8)], tmp_path / "device.tar.gz")
    with tarfile.open(tmp_path / "device.tar.gz") as archive:
        archive.extractall(tmp_path / "there", filter="data")
    return tmp_path / "there" / ROOT


def test_the_archive_is_complete(unpacked: Path, wheel: Path) -> None:
    names = {str(p.relative_to(unpacked)) for p in unpacked.rglob("*") if p.is_file()}
    models = {f"models/{SHIPPED_INT8}", f"models/{SHIPPED_INT8}.json"}
    assert names == {wheel.name, *models, *SCRIPTS, "READ-ME.txt", "SHA256SUMS"}


def test_the_sums_are_those_of_the_files(unpacked: Path) -> None:
    for line in (unpacked / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((unpacked / name).read_bytes()).hexdigest() == digest


def test_the_same_files_make_the_same_archive(wheel: Path, tmp_path: Path) -> None:
    archives = [tmp_path / folder / "device.tar.gz" for folder in ("one", "other")]
    for archive in archives:
        make_bundle(wheel, [shipped(SHIPPED_INT8)], archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_scripts_are_executable_and_valid_bash(unpacked: Path) -> None:
    for script in unpacked.glob("*.sh"):
        assert script.stat().st_mode & 0o111
        subprocess.run(["bash", "-n", str(script)], check=True)


def test_two_artifacts_of_one_name_are_refused(wheel: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        for name in (SHIPPED_INT8, f"{SHIPPED_INT8}.json"):
            (folder / name).write_bytes(shipped(name).read_bytes())
    models = [folder / SHIPPED_INT8 for folder in folders]
    with pytest.raises(UsageError, match=f"would both be models/{SHIPPED_INT8}"):
        make_bundle(wheel, models, tmp_path / "device.tar.gz")


def test_an_artifact_that_contradicts_its_manifest_is_refused(wheel: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(b"weights")
    with pytest.raises(ModelError, match="no manifest"):
        make_bundle(wheel, [model], tmp_path / "device.tar.gz")
    assert not (tmp_path / "device.tar.gz").exists()


@pytest.mark.parametrize("content", [None, b"Dear Sir or Madam"])
def test_what_is_no_wheel_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "thing.whl"
    if content:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="pip wheel --no-deps"):
        make_bundle(path, [], tmp_path / "device.tar.gz")


def test_the_unit_restarts_and_is_watched() -> None:
    unit = (scripts_folder() / "asmnet-edge.service").read_text()
    for line in ("Type=notify", "WatchdogSec=15", "Restart=always"):
        assert line in unit.splitlines()


def test_the_command_lists_what_it_packed(
    asmnet_edge: Callable, wheel: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tar.gz"
    ended = asmnet_edge("bundle", "--wheel", wheel, "--output", out, "--json")
    facts = json.loads(ended.out)
    assert facts["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert "install.sh" in facts["files"]
    assert asmnet_edge("bundle", "--wheel", wheel, "--output", out).code == 2
