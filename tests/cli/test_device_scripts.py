"""camera_demo.sh and benchmark.sh, with a fake asmnet-edge: the arguments that they pass."""

import os
import subprocess
from pathlib import Path

import pytest

from asmnet_edge.runtime.bundle import scripts_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What install.sh made, with a model of the bundle."""
    for name, line in (("asmnet-edge", 'echo "$*"'), ("python", "echo /dev/v4l/by-id/usb-1")):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/bash\n{line}\n")
        program.chmod(0o755)
    (tmp_path / "models").mkdir()
    (tmp_path / "model").write_text(f"{tmp_path}/models/mine.onnx\n")
    return tmp_path


def run(folder: Path, script: str, *words: object) -> list[str]:
    command = ["bash", str(scripts_folder() / script), *map(str, words)]
    mine = {**os.environ, "ASMNET_EDGE_FOLDER": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=mine, cwd=folder, check=True)
    return done.stdout.splitlines()


def test_the_demo_takes_the_camera_that_is_there_and_the_bundles_model(folder: Path) -> None:
    (line,) = run(folder, "camera_demo.sh", "--address", "::1")
    assert line.startswith("predict /dev/v4l/by-id/usb-1 ")
    assert line.endswith(f"--model {folder}/models/mine.onnx --address ::1")


def test_the_demo_takes_the_camera_it_is_given(folder: Path) -> None:
    (line,) = run(folder, "camera_demo.sh", "rtsp://cam/a?b=1&c=2")
    assert line.startswith("predict rtsp://cam/a?b=1&c=2 --size 640x480 ")


def measured(folder: Path, *words: object) -> list[str]:
    (line,) = [line for line in run(folder, "benchmark.sh", *words) if "benchmark run" in line]
    return [Path(word).name for word in line.partition(" --output")[0].split()[2:]]


def test_without_models_of_the_bundle_the_one_in_use_is_measured(folder: Path) -> None:
    assert measured(folder) == ["mine.onnx"]


def test_the_models_of_the_bundle_are_measured(folder: Path) -> None:
    for name in ("a-float32.tflite", "a-int8.tflite", "a-int8.tflite.json"):
        (folder / "models" / name).touch()
    assert measured(folder) == ["a-float32.tflite", "a-int8.tflite"]


def test_the_float32_artifact_beside_an_int8_one_is_measured_too(folder: Path) -> None:
    for name in ("a-float32.tflite", "a-int8.tflite", "a-int8-io.tflite", "b-int8.onnx"):
        (folder / "models" / name).touch()
    named = [folder / "models" / n for n in ("a-int8.tflite", "a-int8-io.tflite", "b-int8.onnx")]
    assert measured(folder, *named) == ["a-float32.tflite", *(path.name for path in named)]
