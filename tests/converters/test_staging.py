"""Staging directories: what is left when a conversion is killed or the disk is full."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from asmnet_edge.converters import staging as module
from asmnet_edge.converters.staging import PREFIX, publish, remove_abandoned, staging_directory
from asmnet_edge.errors import CheckFailedError, ModelError, UsageError
from asmnet_edge.io.manifest import ArtifactManifest, Precision, read_manifest

FACTS = ArtifactManifest(
    format="openvino",
    precision=Precision.INT8,
    model={},
    scheme="ibug68",
    crop={"margin": 1.25, "size": 224},
    inputs=(),
    outputs=(),
    parameters=1,
    multiply_adds=1,
    operators={"total": 1, "int8": 1},
    calibration=None,
    source_sha256="ff",
    provenance={},
    licence="free",
    tools={},
)


def artifact(folder: Path, content: str) -> Path:
    """Write an artifact of two files."""
    path = folder / "model.xml"
    path.write_text(content)
    path.with_suffix(".bin").write_text(content)
    return path


@pytest.fixture(autouse=True)
def small_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE", 2**20)


def test_a_staging_directory_is_gone_when_it_closes(tmp_path: Path) -> None:
    with staging_directory(tmp_path) as staging:
        (staging / "half").write_text("half")
        assert staging.parent == tmp_path
    assert not list(tmp_path.iterdir())


def test_what_a_killed_conversion_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}old"
    left.mkdir()
    (left / "lock").touch()
    (left / "half.onnx").write_text("half")
    remove_abandoned(tmp_path)
    assert not left.exists()


def test_a_staging_directory_in_use_is_left_alone(tmp_path: Path) -> None:
    with staging_directory(tmp_path) as staging:
        # a lock is held by the open file, so that another opening of it sees it, as a process would
        remove_abandoned(tmp_path)
        assert staging.is_dir()
        with (staging / "lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_publishing_puts_all_files_in_place(tmp_path: Path) -> None:
    with staging_directory(tmp_path) as staging:
        manifest = publish(artifact(staging, "new"), FACTS, tmp_path)
    assert read_manifest(tmp_path / "model.xml") == manifest
    assert {p.name for p in tmp_path.iterdir()} == {"model.xml", "model.bin", "model.xml.json"}


def stops(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Raise at the change number ``after`` that publishing makes to the folder."""
    done: list[None] = []
    replace, unlink = os.replace, Path.unlink

    def counted(name: object) -> None:
        if PREFIX not in str(name):
            if len(done) == after:
                raise KeyboardInterrupt
            done.append(None)

    def replace_counted(source: object, target: object) -> None:
        counted(target)
        replace(source, target)  # type: ignore[call-overload]

    def unlink_counted(self: Path, missing_ok: bool = False) -> None:
        counted(self)
        unlink(self, missing_ok)

    monkeypatch.setattr(os, "replace", replace_counted)
    monkeypatch.setattr(Path, "unlink", unlink_counted)


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("after", range(5))
def test_a_stop_at_any_moment_leaves_a_whole_artifact_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None, after: int
) -> None:
    path = tmp_path / "model.xml"
    if before:
        FACTS.sealed([path.with_suffix(".bin"), artifact(tmp_path, before)]).save(path)
    with monkeypatch.context() as patched, staging_directory(tmp_path) as staging:
        new = artifact(staging, "new")
        stops(patched, after)
        try:
            publish(new, FACTS, tmp_path)
            assert after == 4, "publishing makes four changes"
        except KeyboardInterrupt:
            assert after < 4
    if path.exists():
        read_manifest(path)
        assert path.read_text() == path.with_suffix(".bin").read_text()
    else:
        with pytest.raises(ModelError, match="there is no artifact"):
            read_manifest(path)


def full(*_: object) -> Iterator[None]:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_reported_whatever_the_library_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_write_and_remove", full)
    message = f"cannot write into {tmp_path}: No space.*Free some"
    with pytest.raises(UsageError, match=message), staging_directory(tmp_path):
        raise RuntimeError("basic_ios::clear: iostream error")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_that_python_sees_is_reported(tmp_path: Path) -> None:
    message = f"cannot write into {tmp_path}: No space left"
    with pytest.raises(UsageError, match=message), staging_directory(tmp_path):
        full()


@pytest.mark.parametrize("error", [CheckFailedError("too far"), ValueError("a bug")])
def test_other_failures_are_what_they_were_while_there_is_room(
    tmp_path: Path, error: Exception
) -> None:
    with pytest.raises(type(error), match=str(error)), staging_directory(tmp_path):
        raise error
    assert not list(tmp_path.iterdir())


def test_a_folder_that_takes_nothing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> str:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(module.tempfile, "mkdtemp", refuse)
    message = "cannot write into .*: Read-only file system"
    with pytest.raises(UsageError, match=message), staging_directory(tmp_path):
        pass


def test_the_manifest_is_written_before_anything_is_named(tmp_path: Path) -> None:
    with staging_directory(tmp_path) as staging:
        manifest = publish(artifact(staging, "new"), FACTS, tmp_path)
    written = json.loads((tmp_path / "model.xml.json").read_text())
    assert [f["name"] for f in written["files"]] == [f["name"] for f in manifest.files]
