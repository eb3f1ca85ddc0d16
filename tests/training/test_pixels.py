"""Pixel scaling: exact by default, part of the float model, ours where a file is silent."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.training.float_model import FACTS, FloatModel, load_float_model
from asmnet_edge.training.model_facts import PixelScaling, TargetScaling
from asmnet_edge.training.network import Variant, build

PIXELS = np.arange(256, dtype=np.uint8)
VARIANT = Variant(alpha=0.35, input_size=64)


@pytest.fixture(scope="module")
def model() -> FloatModel:
    keras.utils.set_random_seed(0)
    scaling = TargetScaling(np.full((68, 2), 0.5), 1.0, np.zeros(3), np.ones(3))
    crop = CropRule(size=64)
    return FloatModel(build(VARIANT), VARIANT, IBUG68, crop, scaling, pixels=PixelScaling(0, 0.5))


def facts_of(path: Path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(FACTS))


def with_facts(path: Path, facts: dict) -> Path:
    """A copy of the model at ``path`` with other facts."""
    changed = path.with_name("changed.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(facts) if name == FACTS else old.read(name))
    return changed


def test_by_default_eight_bits_hold_every_value() -> None:
    scaled = PixelScaling().apply(PIXELS)
    assert scaled.dtype == np.float32
    assert (scaled * 128 == np.arange(-128, 128)).all()


@given(st.floats(-300, 300, width=32), st.floats(0.0625, 16, width=32))
def test_the_offset_becomes_the_zero_of_padding(offset: float, scale: float) -> None:
    scaled = PixelScaling(offset, scale).apply(PIXELS)
    assert PixelScaling(offset, scale).apply(np.float32([offset])) == 0
    np.testing.assert_allclose(np.diff(scaled), scale, rtol=1e-3)


@pytest.mark.parametrize(
    ("offset", "scale"), [(0, 0), (0, -1), (0, np.inf), (0, np.nan), (np.nan, 1), (np.inf, 1)]
)
def test_what_would_lose_the_picture_is_refused(offset: float, scale: float) -> None:
    with pytest.raises(ModelError, match="finite offset and a positive scale"):
        PixelScaling(offset, scale)


def test_a_model_sees_pixels_as_it_says(model: FloatModel) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    expected = model.network(crops * np.float32(0.5), training=False)["landmarks"]
    found = model.predict(crops)[0] - 0.5
    np.testing.assert_allclose(found.reshape(1, -1), expected, atol=1e-6)


def test_a_saved_model_keeps_its_pixels(model: FloatModel, tmp_path: Path) -> None:
    model.save(tmp_path / "a.keras")
    assert load_float_model(tmp_path / "a.keras").pixels == PixelScaling(0, 0.5)


def test_a_file_that_says_nothing_of_pixels_has_ours(model: FloatModel, tmp_path: Path) -> None:
    replace(model, pixels=PixelScaling()).save(tmp_path / "a.keras")
    facts = facts_of(tmp_path / "a.keras")
    del facts["pixels"]
    assert load_float_model(with_facts(tmp_path / "a.keras", facts)).pixels == PixelScaling()


@pytest.mark.parametrize("pixels", [[], "ours", {"offset": "0"}, {"scale": 0}, {"order": "bgr"}])
def test_strange_pixels_are_an_error_of_ours(
    model: FloatModel, tmp_path: Path, pixels: object
) -> None:
    model.save(tmp_path / "a.keras")
    facts = {**facts_of(tmp_path / "a.keras"), "pixels": pixels}
    with pytest.raises(ModelError, match="not a float model"):
        load_float_model(with_facts(tmp_path / "a.keras", facts))
