"""The float model file: weights and facts come back, and strangers stay outside."""

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from asmnet_edge.errors import AsmnetEdgeError, ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68, WFLW98
from asmnet_edge.io.files import SHIPPED_FLOATS, sha256, shipped
from asmnet_edge.training.float_model import FACTS, FloatModel, load_float_model
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.network import IMPORTED, Variant, build

VARIANT = Variant(alpha=0.35, input_size=64)


@pytest.fixture(scope="module")
def model() -> FloatModel:
    keras.utils.set_random_seed(0)
    mean = np.random.default_rng(0).uniform(0.2, 0.8, (68, 2))
    scaling = TargetScaling(mean, 0.05, np.array([1.0, -2, 3]), np.array([20.0, 10, 5]))
    rule = CropRule(margin=1.3, size=64)
    return FloatModel(build(VARIANT), VARIANT, IBUG68, rule, scaling, {"epochs": 7})


@pytest.fixture(scope="module")
def saved(model: FloatModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)


@pytest.fixture
def with_facts(saved: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes a copy of the saved model with other facts in it."""

    def copy(facts: str) -> Path:
        path = tmp_path / "changed.keras"
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                new.writestr(name, facts if name == FACTS else old.read(name))
        return path

    return copy


def facts_of(path: Path) -> dict:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(FACTS))


@pytest.mark.parametrize("name", SHIPPED_FLOATS)
def test_shipped_files_hold_no_name_of_a_module_of_ours(name: str) -> None:
    # so modules and classes may be renamed, and any Keras opens the files
    with zipfile.ZipFile(shipped(name)) as archive:
        description = archive.read("config.json").decode()
    assert "asmnet_edge" not in description
    classes = set(re.findall(r'"registered_name": "([^"]+)"', description))
    assert classes <= {"Functional"}


def test_saved_files_hold_no_name_of_a_module_of_ours(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert b"asmnet_edge" not in archive.read("config.json")


def test_stored_names_are_those_of_older_versions(saved: Path) -> None:
    facts = facts_of(saved)
    keys = {"schema", "variant", "scheme", "crop", "scaling", "pixels", "provenance"}
    assert facts.keys() == keys
    assert facts["variant"].keys() == {"architecture", "alpha", "input_size", "points"}
    assert IMPORTED == "own"  # as `import-keras` has always written it


def test_a_saved_model_predicts_the_same(model: FloatModel, saved: Path, crops: np.ndarray) -> None:
    loaded = load_float_model(saved)
    for ours, theirs in zip(loaded.predict(crops), model.predict(crops), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_saved_model_keeps_its_facts(model: FloatModel, saved: Path) -> None:
    loaded = load_float_model(saved)
    assert (loaded.variant, loaded.crop) == (VARIANT, CropRule(margin=1.3, size=64))
    assert loaded.scheme is IBUG68
    assert loaded.provenance == {"epochs": 7}
    assert loaded.scaling.as_json() == model.scaling.as_json()
    assert loaded.source_sha256 == sha256(saved)


def test_upright_crops_are_a_fact_that_older_files_lack(
    model: FloatModel, saved: Path, with_facts: Callable, tmp_path: Path
) -> None:
    upright = replace(model, crop=replace(model.crop, upright=True))
    upright.save(tmp_path / "upright.keras")
    assert load_float_model(tmp_path / "upright.keras").crop == upright.crop
    facts = facts_of(saved)
    assert facts["crop"].pop("upright") is False
    assert load_float_model(with_facts(json.dumps(facts))).crop == model.crop


def test_predictions_are_in_the_contracts_units(model: FloatModel, crops: np.ndarray) -> None:
    # a network that gives zeros means the mean face and the mean pose
    silent = build(VARIANT)
    for name in ("landmarks", "pose"):
        layer = silent.get_layer(name)
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    landmarks, pose = replace(model, network=silent).predict(crops)
    np.testing.assert_allclose(landmarks, np.stack([model.scaling.mean_shape] * 5))
    np.testing.assert_allclose(pose, [[1, -2, 3]] * 5)


def test_batches_make_no_difference(model: FloatModel, crops: np.ndarray) -> None:
    for one, other in zip(model.predict(crops, batch=2), model.predict(crops), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert model.predict(crops)[0].shape == (5, 68, 2)


def test_dropout_is_for_training_only(model: FloatModel, crops: np.ndarray) -> None:
    once, again = (model.predict(crops)[0] for _ in range(2))
    assert (once == again).all()


def test_any_keras_opens_the_file(saved: Path, crops: np.ndarray, model: FloatModel) -> None:
    stranger = keras.saving.load_model(saved, compile=False)
    assert stranger.name == "asmnet"
    for ours, theirs in zip(stranger.get_weights(), model.network.get_weights(), strict=True):
        assert (ours == theirs).all()


def test_98_points_come_back_as_98(model: FloatModel, tmp_path: Path, crops: np.ndarray) -> None:
    variant = replace(VARIANT, points=98)
    scaling = replace(model.scaling, mean_shape=np.zeros((98, 2)))
    larger = replace(model, network=build(variant), variant=variant, scheme=WFLW98, scaling=scaling)
    larger.save(tmp_path / "98.keras")
    loaded = load_float_model(tmp_path / "98.keras")
    assert loaded.scheme is WFLW98
    assert loaded.predict(crops)[0].shape == (5, 98, 2)


def test_saving_leaves_no_other_file(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == ["small.keras"]


@pytest.mark.parametrize("name", ["model.h5", "model", "model.pkl"])
def test_a_model_is_saved_as_keras_only(model: FloatModel, tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=rf"written as \.keras, got {name}"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_model_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no float model at .*asmnet-edge train"):
        load_float_model(tmp_path / "gone.keras")


@pytest.mark.parametrize("content", [b"", b"Dear Sir or Madam", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_archive_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letter.keras").write_bytes(content)
    with pytest.raises(ModelError, match=r"letter\.keras is not a float model of asmnet-edge"):
        load_float_model(tmp_path / "letter.keras")


def test_an_archive_of_another_kind_is_no_model(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=r"not a float model of asmnet-edge: .*asmnet_edge\.json"):
        load_float_model(tmp_path / "other.keras")


def test_a_file_cut_off_is_no_model(saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    (tmp_path / "half.keras").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="not a float model"):
        load_float_model(tmp_path / "half.keras")


def test_a_damaged_file_is_no_model(saved: Path, tmp_path: Path) -> None:
    content = bytearray(saved.read_bytes())
    for place in range(len(content) // 4, len(content) * 3 // 4, 1000):
        content[place] ^= 0xFF
    (tmp_path / "damaged.keras").write_bytes(content)
    with pytest.raises(ModelError, match="not a float model"):
        load_float_model(tmp_path / "damaged.keras")


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_another_width_are_reported(saved: Path, with_facts: Callable) -> None:
    facts = facts_of(saved)
    facts["variant"]["alpha"] = 0.5
    with pytest.raises(ModelError, match="not a float model"):
        load_float_model(with_facts(json.dumps(facts)))


def test_a_later_schema_is_reported(saved: Path, with_facts: Callable) -> None:
    with pytest.raises(ModelError, match="its schema is 99, known is 1"):
        load_float_model(with_facts(json.dumps({**facts_of(saved), "schema": 99})))


@pytest.mark.parametrize("missing", ["variant", "scheme", "crop", "scaling", "provenance"])
def test_a_missing_fact_is_named(saved: Path, with_facts: Callable, missing: str) -> None:
    facts = {name: fact for name, fact in facts_of(saved).items() if name != missing}
    with pytest.raises(ModelError, match=f"not a float model.*{missing}"):
        load_float_model(with_facts(json.dumps(facts)))


@pytest.mark.parametrize("text", ["{", "[]", "3", '"facts"', "null"])
def test_facts_that_are_no_facts_are_reported(with_facts: Callable, text: str) -> None:
    with pytest.raises(ModelError, match="not a float model"):
        load_float_model(with_facts(text))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("variant", {"architecture": "resnet"}),
        ("variant", {"alpha": "0.35"}),
        ("variant", {"lambda": "x: x"}),
        ("scheme", "cofw29"),
        ("crop", {"margin": -1}),
        ("scaling", []),
    ],
)
def test_strange_facts_are_an_error_of_ours(
    saved: Path, with_facts: Callable, name: str, value: object
) -> None:
    with pytest.raises(AsmnetEdgeError):
        load_float_model(with_facts(json.dumps({**facts_of(saved), name: value})))


def test_only_weights_are_read_from_the_file(
    saved: Path, tmp_path: Path, crops: np.ndarray, model: FloatModel
) -> None:
    # whatever graph the archive describes, it is not opened
    path = tmp_path / "other_graph.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, "{ no graph" if name == "config.json" else old.read(name))
    np.testing.assert_allclose(load_float_model(path).predict(crops)[1], model.predict(crops)[1])
