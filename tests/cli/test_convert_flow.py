"""``asmnet-edge convert``: several precisions, plans, going on after a stop, two at a time."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.io.images import write_image
from asmnet_edge.io.manifest import read_manifest
from asmnet_edge.rendering.drawn_face import draw_face

Run = Callable[..., Any]
FACES = ("--data", "synthetic:12")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_a_dry_run_lists_the_files_and_writes_nothing(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge(
        "convert",
        "all",
        float_file,
        "--precision",
        "all",
        "--output",
        tmp_path / "out",
        "--dry-run",
    )
    assert ended.code == 0
    for suffix in ("tflite", "onnx", "xml"):
        for precision in ("float32", "float16", "dynamic-int8", "int8"):
            assert f"tiny-{precision}.{suffix}" in ended.out
    assert "up to 128 of 256 training faces of synthetic" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_lists_existing_files(asmnet_edge: Run, float_file: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny-int8.onnx").write_text("the old one")
    words = ("--precision", "int8", "--output", tmp_path, "--dry-run")
    ended = asmnet_edge("convert", "onnx", float_file, *words)
    assert ended.code == 0
    (line,) = [line for line in ended.out.splitlines() if "tiny-int8.onnx " in line]
    assert line.split()[-1] == "tiny-int8.onnx"


def test_a_dry_run_refuses_what_a_run_would(asmnet_edge: Run, letter: Path, tmp_path: Path) -> None:
    ended = asmnet_edge("convert", "onnx", letter, "--output", tmp_path / "out", "--dry-run")
    assert ended.code == 2
    assert "letter.txt" in ended.complaint


def test_a_precision_that_a_format_lacks_is_refused(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    words = ("--precision", "int8-io", "--output", tmp_path / "out")
    ended = asmnet_edge("convert", "onnx", float_file, *words)
    assert ended.code == 2
    assert "there is no int8-io for onnx. These formats have it: tflite" in ended.complaint


def test_what_is_kept_and_replaced_must_be_clear(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("convert", "onnx", float_file, "--resume", "--overwrite")
    assert ended.code == 2
    assert "Give one" in ended.complaint


# a set that was interrupted


def test_resuming_keeps_what_is_there_and_makes_the_rest(
    asmnet_edge: Run, float_file: Path, made: Path, tmp_path: Path
) -> None:
    words = ("convert", "tflite", float_file, *FACES, "--output", tmp_path)
    kept = tmp_path / "tiny-float32.tflite"
    for end in ("", ".json"):
        shutil.copy(made / f"{kept.name}{end}", tmp_path)
    before = kept.stat().st_mtime_ns, kept.stat().st_ino
    ended = asmnet_edge(*words, "--resume")
    assert ended.code == 0
    assert "kept: tiny-float32.tflite" in ended.err
    assert "[1/1] tflite int8" in ended.err
    (line,) = [line for line in ended.out.splitlines() if "tiny-int8.tflite" in line]
    assert "65 of 67" in line
    assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == before
    assert [line.split()[-1] for line in ended.out.splitlines() if kept.name in line] == ["kept"]
    assert read_manifest(tmp_path / "tiny-int8.tflite").precision == "int8"


def test_resuming_does_not_mix_sets(asmnet_edge: Run, float_file: Path, made: Path) -> None:
    # those were calibrated on other drawn faces
    words = ("convert", "tflite", float_file, *FACES, "--precision", "int8")
    ended = asmnet_edge(*words, "--output", made, "--resume")
    assert ended.code == 2
    assert "is there already and was calibrated on other faces" in ended.complaint
    assert "--overwrite" in ended.complaint


def test_resuming_does_not_keep_what_is_broken(
    asmnet_edge: Run, float_file: Path, made: Path, tmp_path: Path
) -> None:
    for end in ("", ".json"):
        content = (made / f"tiny-float32.onnx{end}").read_bytes()
        (tmp_path / f"tiny-float32.onnx{end}").write_bytes(content)
    (tmp_path / "tiny-float32.onnx").write_bytes(b"half of a mod")
    words = ("--precision", "float32", "--output", tmp_path, "--resume")
    ended = asmnet_edge("convert", "onnx", float_file, *FACES, *words)
    assert ended.code == 2
    assert "has no valid manifest" in ended.complaint


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_kill_leaves_only_what_verifies(
    asmnet_edge: Run, float_file: Path, tmp_path: Path, jobs: str
) -> None:
    command = [sys.executable, "-m", "asmnet_edge", "convert", "all", str(float_file), *FACES]
    options = ["--precision", "float32", "--output", str(tmp_path), "--jobs", jobs]
    with (log := tmp_path / "log.txt").open("w") as file:
        process = subprocess.Popen([*command, *options], stderr=file)
    until = time.monotonic() + 300
    while not any(name.endswith(".json") for name in names(tmp_path)):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    lines = log.read_text().splitlines()  # of ours alone: libraries are quiet
    assert all(line.startswith("[") or " faces of synthetic " in line for line in lines), lines
    time.sleep(3)  # for processes of its own to notice
    artifacts = [p for p in tmp_path.iterdir() if p.suffix in (".tflite", ".onnx", ".xml")]
    if artifacts:
        assert asmnet_edge("verify", *artifacts).code == 0
    left = {name for name in names(tmp_path) if name.startswith(".converting-")}
    ended = asmnet_edge(*command[3:], *options[:4], "--resume")
    assert ended.code == 0
    assert not left & names(tmp_path)
    assert len([name for name in names(tmp_path) if name.endswith(".json")]) == 3


# pictures


def test_pictures_without_landmarks_calibrate(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(5):
        write_image(tmp_path / "pictures" / f"{number}.png", draw_face(number).picture)
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8")
    words = ("--precision", "int8", "--output", tmp_path / "out")
    faces = ("--data", f"pictures:{tmp_path / 'pictures'}", "--detector", "none")
    ended = asmnet_edge("convert", "tflite", float_file, *words, *faces)
    assert ended.code == 0
    assert "left out: " in ended.err
    assert "broken.jpg" in ended.err
    manifest = read_manifest(tmp_path / "out" / "tiny-int8.tflite")
    assert manifest.calibration
    assert manifest.calibration["source"] == "pictures train"


# what goes wrong on the way


def test_a_full_disk_is_reported_and_leaves_nothing(
    asmnet_edge: Run, float_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asmnet_edge.converters.onnx.onnx_exporter import OnnxExporter

    def export(self: Any, graph: Any, recipe: Any, path: Path) -> None:
        path.write_bytes(b"half of a mod")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(OnnxExporter, "export", export)
    words = ("--precision", "float32", *FACES, "--output", tmp_path)
    ended = asmnet_edge("convert", "onnx", float_file, *words)
    assert ended.code == 2
    assert f"cannot write into {tmp_path}: No space left on device" in ended.complaint
    assert not names(tmp_path)


def test_libraries_are_quiet(float_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asmnet_edge", "convert", "tflite", str(float_file)]
    options = ["--precision", "float32", *FACES, "--output", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    first, second, last = done.stderr.splitlines()
    assert " faces of synthetic train ... " in first
    assert second.startswith("[1/1] tflite float32 ... export ")
    assert last == f"in {tmp_path}"
