"""``import-h5``: an official model becomes a float model, or one line says why not."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shared

from asmnet_edge.importers.keras2 import MARGIN
from asmnet_edge.training.float_model import load_float_model

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def official() -> Path:
    """An ASMNet for 68 points, written by Keras 2."""
    return shared.keras2() / "asmnet68.h5"


def test_an_official_model_becomes_a_float_model(
    asmnet_edge: Run, official: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("import-h5", official, "--output", tmp_path / "new" / "a.keras")
    assert ended.code == 0
    assert "asmnet, 68 points, 1,439,507 parameters, crop margin 1.05" in ended.err
    model = load_float_model(tmp_path / "new" / "a.keras")
    assert model.crop.margin == MARGIN
    with np.load(official.with_suffix(".npz")) as theirs:
        landmarks, _ = model.predict(theirs["crops"])
        np.testing.assert_allclose(landmarks.reshape(4, -1), 0.5 - theirs["landmarks"], atol=1e-4)


def test_channels_and_margin_reach_the_model(
    asmnet_edge: Run, official: Path, tmp_path: Path
) -> None:
    words = ("--channels", "bgr", "--crop-margin", "1.3", "--output", tmp_path / "a.keras")
    assert asmnet_edge("import-h5", official, *words).code == 0
    model = load_float_model(tmp_path / "a.keras")
    assert model.crop.margin == 1.3
    assert model.provenance["imported"]["channels"] == "bgr"


def test_a_model_that_exists_is_not_overwritten(
    asmnet_edge: Run, official: Path, tmp_path: Path
) -> None:
    output = tmp_path / "a.keras"
    output.write_text("the old one")
    ended = asmnet_edge("import-h5", official, "--output", output)
    assert ended.code == 2
    assert "a.keras. Give --overwrite" in ended.complaint
    assert output.read_text() == "the old one"
    assert asmnet_edge("import-h5", official, "--output", output, "--overwrite").code == 0
    assert load_float_model(output).scheme.points == 68


@pytest.mark.parametrize(
    "content", [b"Dear Sir or Madam", pickle.dumps([1.0]), b"\x89HDF\r\n\x1a\n"]
)
def test_what_is_no_hdf5_is_one_line(asmnet_edge: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letter.h5").write_bytes(content)
    ended = asmnet_edge("import-h5", tmp_path / "letter.h5", "--output", tmp_path / "a.keras")
    assert ended.code == 2
    assert "letter.h5 cannot be read as HDF5" in ended.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["letter.h5"]


def test_another_network_is_one_line(asmnet_edge: Run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["dense/dense/kernel:0"] = np.zeros((4, 2), "f4")
    ended = asmnet_edge("import-h5", tmp_path / "other.h5", "--output", tmp_path / "a.keras")
    assert ended.code == 2
    assert "other.h5 is no official model" in ended.complaint
    assert not (tmp_path / "a.keras").exists()


def test_an_output_that_is_no_keras_file_is_told_first(asmnet_edge: Run, tmp_path: Path) -> None:
    ended = asmnet_edge("import-h5", tmp_path / "gone.h5", "--output", tmp_path / "a.tflite")
    assert ended.code == 2
    assert "a float model is written as .keras, got a.tflite" in ended.complaint


@pytest.mark.parametrize("margin", ["0", "-1"])
def test_a_margin_that_is_not_positive_is_wrong_use(asmnet_edge: Run, margin: str) -> None:
    ended = asmnet_edge("import-h5", "a.h5", "--output", "a.keras", "--crop-margin", margin)
    assert ended.code == 2
    assert "--crop-margin" in ended.complaint
