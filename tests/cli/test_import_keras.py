"""``import-keras``: a network of one's own becomes a float model that the other verbs take."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from asmnet_edge.importers import adaptation
from asmnet_edge.training.float_model import load_float_model

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landmarks of 48-px crops in their pixels; one norm that can be folded, one that cannot."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("own") / "net.keras"
    places = keras.initializers.RandomUniform(8, 40)
    keras.Sequential([
        keras.Input((48, 48, 3)),
        layers.SeparableConv2D(8, 3, 2, activation="relu"), layers.BatchNormalization(),
        layers.Conv2D(8, 3, 2), layers.BatchNormalization(), layers.PReLU(shared_axes=[1, 2]),
        layers.MaxPooling2D(), layers.Flatten(), layers.Dense(136, bias_initializer=places),
    ]).save(path)  # fmt: skip
    return path


@pytest.fixture(autouse=True)
def few_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "FACES", 40)
    monkeypatch.setattr(adaptation, "OTHERS", 10)


def test_a_network_of_ones_own_becomes_artifacts(
    asmnet_edge: Run, network: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.keras"
    words = ("--scheme", "ibug68", "--units", "pixels", "--crop-margin", "1.3")
    ended = asmnet_edge("import-keras", network, "--output", own, *words)
    assert ended.code == 0
    assert "ibug68, 48 px" in ended.err
    assert "it gives no pose: fitted to the landmarks of drawn faces" in ended.err
    model = load_float_model(own)
    assert model.crop.margin == 1.3
    crops = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 3), np.uint8)
    expected = keras.saving.load_model(network)(crops / np.float32(255))
    pixels = model.predict(crops)[0] * 48 - 0.5
    np.testing.assert_allclose(pixels.reshape(2, -1), expected, atol=1e-3)
    options = ("--precision", "float32", "--precision", "int8", "--data", "synthetic:12")
    ended = asmnet_edge("convert", "all", own, *options, "--output", tmp_path / "out")
    assert ended.code == 0, ended.err
    made = {path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".json"}
    files = {".tflite", ".onnx", ".xml", ".bin"}
    assert made == {f"own-{p}{suffix}" for p in ("float32", "int8") for suffix in files}
    assert "own" in asmnet_edge("inspect", own).out


def test_a_file_that_cannot_be_imported_is_one_line(
    asmnet_edge: Run, network: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.keras"
    with zipfile.ZipFile(network) as old, zipfile.ZipFile(bad, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"PReLU"', b'"Theirs"'))
    (tmp_path / "letter.h5").write_text("Dear Sir or Madam")
    expected = {
        bad: "it has a Theirs of keras.layers, named 'p_re_lu",
        tmp_path / "letter.h5": "letter.h5 is no .keras file",
        tmp_path / "gone.keras": "there is no file",
    }
    for path, line in expected.items():
        output = tmp_path / "own.keras"
        ended = asmnet_edge("import-keras", path, "--output", output, "--scheme", "ibug68")
        assert ended.code == 2
        assert line in ended.complaint
        assert not output.exists()
