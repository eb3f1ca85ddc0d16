"""Errors are one line with the cure and an exit code, and leave no incomplete file."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asmnet_edge.cli.main import VERBS
from asmnet_edge.converters.checks import parity
from asmnet_edge.datasets.catalog import DATASETS
from asmnet_edge.io.images import write_image
from asmnet_edge.rendering.drawn_face import draw_face

Run = Callable[..., Any]


def files_in(folder: Path) -> list[str]:
    """Names of all files below ``folder``, hidden ones as well; an empty folder is no harm."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# the model


@pytest.mark.parametrize("format", ["tflite", "all"])
def test_a_text_is_no_float_model(
    asmnet_edge: Run, letter: Path, tmp_path: Path, format: str
) -> None:
    ended = asmnet_edge("convert", format, letter, "--output", tmp_path / "out")
    assert ended.code == 2
    assert "letter.txt is not a float model of asmnet-edge" in ended.complaint
    assert "Expected a .keras file written by asmnet-edge train" in ended.complaint
    assert not files_in(tmp_path)


def test_a_missing_float_model_is_reported(asmnet_edge: Run, tmp_path: Path) -> None:
    ended = asmnet_edge("convert", "tflite", tmp_path / "gone.keras", "--output", tmp_path / "out")
    assert ended.code == 2
    assert "there is no float model at" in ended.complaint
    assert not files_in(tmp_path)


def test_a_text_is_no_artifact(
    asmnet_edge: Run, letter: Path, face_file: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("predict", face_file, "--model", letter, "--output", tmp_path)
    assert ended.code == 2
    assert ended.complaint.endswith("Known: .tflite, .onnx, .xml")
    assert not files_in(tmp_path)


@pytest.mark.parametrize("suffix", [".tflite", ".onnx", ".xml"])
def test_an_artifact_without_a_manifest_is_refused(
    asmnet_edge: Run, face_file: Path, tmp_path: Path, suffix: str
) -> None:
    model = tmp_path / f"found{suffix}"
    model.write_bytes(b"from the internet")
    ended = asmnet_edge("predict", face_file, "--model", model, "--output", tmp_path / "out")
    assert ended.code == 2
    assert f"has no manifest found{suffix}.json beside it" in ended.complaint
    assert not files_in(tmp_path / "out")


# pictures


def test_a_text_is_no_picture(asmnet_edge: Run, letter: Path, tmp_path: Path) -> None:
    ended = asmnet_edge("predict", letter, "--output", tmp_path)
    assert ended.code == 2
    assert "letter.txt is not a picture that can be decoded" in ended.complaint
    assert not files_in(tmp_path)


@pytest.mark.parametrize("name", ["gone.png", "no/such/folder/face.png"])
def test_a_picture_that_cannot_be_read_is_named(
    asmnet_edge: Run, tmp_path: Path, name: str
) -> None:
    ended = asmnet_edge("predict", tmp_path / name, "--output", tmp_path / "out")
    assert ended.code == 2
    assert f"cannot read the picture {tmp_path / name}" in ended.complaint
    assert not files_in(tmp_path)


def test_two_pictures_of_one_name_do_not_overwrite_each_other(
    asmnet_edge: Run, face_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / face_file.name
    other.parent.mkdir()
    other.write_bytes(face_file.read_bytes())
    ended = asmnet_edge("predict", face_file, other, "--output", tmp_path / "out")
    assert ended.code == 2
    assert "several pictures would be written to" in ended.complaint
    assert f"{face_file.name}-faces.jpg" in ended.complaint
    assert not (tmp_path / "out").exists()


# data


@pytest.mark.parametrize("verb", ["convert", "benchmark", "train"])
def test_a_missing_data_folder_is_reported(
    asmnet_edge: Run, float_file: Path, tmp_path: Path, verb: str
) -> None:
    words = {
        "convert": ("convert", "tflite", float_file, "--output", tmp_path / "out"),
        "benchmark": ("benchmark", "run", "any.tflite", "--output", tmp_path / "record.json"),
        "train": ("train", "--output", tmp_path / "out"),
    }[verb]
    ended = asmnet_edge(*words, "--data", f"300w:{tmp_path / 'gone'}")
    assert ended.code == 2
    assert f"there is no {tmp_path / 'gone'}" in ended.complaint
    assert not files_in(tmp_path)


@pytest.mark.parametrize("words", ["lfw:faces", "faces/300w", ":faces"])
def test_an_unknown_kind_of_data_lists_the_known_ones(
    asmnet_edge: Run, float_file: Path, tmp_path: Path, words: str
) -> None:
    ended = asmnet_edge(
        "convert", "tflite", float_file, "--output", tmp_path / "out", "--data", words
    )
    assert ended.code == 2
    assert f"Known: {', '.join(DATASETS)}, as kind:PATH" in ended.complaint
    assert not files_in(tmp_path)


def test_a_missing_subset_is_reported(asmnet_edge: Run) -> None:
    ended = asmnet_edge(
        "benchmark",
        "run",
        "any.tflite",
        "--data",
        "synthetic:4",
        "--subset",
        "common",
        "--no-float",
    )
    assert ended.code == 2
    assert "no subset 'common'. Known: train, test" in ended.complaint


# outputs


def test_an_artifact_that_exists_is_not_overwritten(
    asmnet_edge: Run, float_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny-int8.tflite").write_text("the old one")
    ended = asmnet_edge("convert", "tflite", float_file, "--output", tmp_path)
    assert ended.code == 2
    assert "already there: " in ended.complaint
    assert "tiny-int8.tflite" in ended.complaint
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the old one"]


def test_predicted_faces_are_not_overwritten(
    asmnet_edge: Run, face_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "face-faces.json").write_text("{}")
    ended = asmnet_edge("predict", face_file, "--output", tmp_path)
    assert ended.code == 2
    assert "already there: " in ended.complaint
    assert "face-faces.json. Give --overwrite" in ended.complaint
    assert [path.read_text() for path in tmp_path.iterdir()] == ["{}"]


def test_a_record_is_not_overwritten(asmnet_edge: Run, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{}")
    ended = asmnet_edge("benchmark", "run", "any.tflite", "--output", tmp_path / "record.json")
    assert ended.code == 2
    assert "already there: " in ended.complaint
    assert "record.json. Give --overwrite" in ended.complaint
    assert (tmp_path / "record.json").read_text() == "{}"


@pytest.mark.parametrize("verb", ["convert", "predict"])
def test_a_file_in_the_place_of_the_output_folder_is_reported(
    asmnet_edge: Run, float_file: Path, face_file: Path, letter: Path, verb: str
) -> None:
    words = {
        "convert": ("tflite", float_file, "--data", "synthetic:4", "--precision", "float32"),
        "predict": (face_file,),
    }[verb]
    ended = asmnet_edge(verb, *words, "--output", letter)
    assert ended.code == 2
    assert "cannot create the folder" in ended.complaint
    assert letter.read_text() == "Dear Sir or Madam"


def test_an_existing_run_is_not_overwritten(asmnet_edge: Run, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "checkpoint-00000010.npz").write_bytes(b"hours of work")
    ended = asmnet_edge("train", "--data", "synthetic:20", "--output", tmp_path)
    assert ended.code == 2
    assert "holds a run already. Give --resume" in ended.complaint
    assert (tmp_path / "checkpoint-00000010.npz").read_bytes() == b"hours of work"


# checks


def test_a_failed_check_ends_with_1_and_leaves_nothing(
    asmnet_edge: Run, float_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "MAX_DEVIATION_INT8", 0.0)
    words = ("--precision", "int8", "--data", "synthetic:8", "--output", tmp_path)
    ended = asmnet_edge("convert", "tflite", float_file, *words)
    assert ended.code == 1
    assert "tiny-int8.tflite deviates by" in ended.complaint
    assert "--data" in ended.complaint
    assert not files_in(tmp_path)


# packages


@pytest.mark.parametrize("package", ["nncf", "tf2onnx", "ai_edge_quantizer"])
def test_a_missing_converter_prints_its_pip_line(
    asmnet_edge: Run,
    float_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    ended = asmnet_edge("convert", "all", float_file, "--output", tmp_path / "out")
    assert ended.code == 2
    assert f"needs the package {package!r}, which is not installed" in ended.complaint
    assert "pip install 'asmnet-edge[convert]'" in ended.complaint
    assert not files_in(tmp_path)


def test_training_without_keras_prints_its_pip_line(
    asmnet_edge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    ended = asmnet_edge("train", "--data", "synthetic:20", "--output", tmp_path / "run")
    assert ended.code == 2
    assert "pip install 'asmnet-edge[train]'" in ended.complaint
    assert not files_in(tmp_path)


# arguments


@pytest.mark.parametrize(
    "words",
    [("fly",), ("convert", "--fly"), ("predict",), ("benchmark", "fly"), ("predict", "a", "--x")],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_the_usage(asmnet_edge: Run, words: tuple[str, ...]) -> None:
    ended = asmnet_edge(*words)
    assert ended.code == 2
    assert ended.complaint
    assert "Usage: asmnet-edge" in ended.err


def test_an_unknown_format_lists_the_known_ones(asmnet_edge: Run) -> None:
    ended = asmnet_edge("convert", "coreml")
    assert ended.code == 2
    assert "no format is called 'coreml'. Known: tflite, onnx, openvino" in ended.complaint


def test_nothing_to_benchmark_is_reported(asmnet_edge: Run) -> None:
    ended = asmnet_edge("benchmark", "run")
    assert ended.code == 2
    assert "there is nothing to benchmark" in ended.complaint


def test_a_file_that_is_no_record_is_refused(asmnet_edge: Run, letter: Path) -> None:
    ended = asmnet_edge("benchmark", "show", letter)
    assert ended.code == 2
    assert "letter.txt is not a benchmark record" in ended.complaint


def test_help_lists_every_verb(asmnet_edge: Run) -> None:
    ended = asmnet_edge("--help")
    assert ended.code == 0
    for verb, line in VERBS.items():
        assert f"  {verb}" in ended.out
        assert line.split()[0] in ended.out


def test_the_installed_command_ends_the_same_way(letter: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asmnet_edge", "predict", str(letter)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: ")
    assert not files_in(tmp_path)


def test_one_bad_picture_does_not_stop_the_others(asmnet_edge: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    write_image(tmp_path / "face.png", draw_face(3).picture)
    pictures = tmp_path / "empty.jpg", tmp_path / "face.png"
    ended = asmnet_edge("predict", *pictures, "--output", tmp_path)
    assert ended.code == 1
    assert "empty.jpg is empty" in ended.err
    assert "1 of 2 pictures could not be read" in ended.err
    assert (tmp_path / "face-faces.json").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_command_begins_with_a_description(asmnet_edge: Run, verb: str) -> None:
    ended = asmnet_edge(verb, "--help")
    usage, description = ended.out.split("\n\n")[:2]
    assert usage.startswith(f"Usage: asmnet-edge {verb} ")
    assert description.startswith("  ")
    assert description.strip()[0].isupper()
