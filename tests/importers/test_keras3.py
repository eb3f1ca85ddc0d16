"""A user's own network becomes a float model that computes the same; nothing in its file runs."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from asmnet_edge.errors import AsmnetEdgeError, ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68, WFLW98
from asmnet_edge.importers import adaptation, hdf5
from asmnet_edge.importers.adaptation import LinearPose
from asmnet_edge.importers.keras3 import Conventions, import_network
from asmnet_edge.training.float_model import load_float_model
from asmnet_edge.training.network import IMPORTED, Variant, build
from asmnet_edge.training.safe_rebuild import ACTIVATIONS, rebuild

SIDE = 32
CONVENTIONS = Conventions("ibug68")
Save = Callable[..., Path]


@pytest.fixture(autouse=True)
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 is read here, which is quicker; `tests/cli/test_import_keras.py` does it as it is."""
    monkeypatch.setattr(hdf5, "_in_child_process", lambda work, path: work(path))


@pytest.fixture(autouse=True)
def quick_pose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pose that needs no drawn faces: the sum of all x, all y, and one."""
    ones = np.tile(np.eye(2, 3), (IBUG68.points, 1))
    linear = LinearPose(ones, np.array([0.0, 0, 1]), 2.5)
    monkeypatch.setattr(adaptation.LinearPose, "fit", lambda scheme, rule: linear)


@pytest.fixture
def saved(tmp_path: Path) -> Save:
    def save(network: keras.Model) -> Path:
        network.save(tmp_path / "net.keras")
        return tmp_path / "net.keras"

    return save


@pytest.fixture
def changed(saved: Save) -> Callable[[keras.Model, Callable[[dict], None]], Path]:
    """Saves a network and edits its description behind Keras' back."""

    def change(network: keras.Model, edit: Callable[[dict], None]) -> Path:
        path = saved(network)
        with zipfile.ZipFile(path) as old:
            content = {name: old.read(name) for name in old.namelist()}
        description = json.loads(content["config.json"])
        edit(description)
        content["config.json"] = json.dumps(description).encode()
        with zipfile.ZipFile(path, "w") as new:
            for name, data in content.items():
                new.writestr(name, data)
        return path

    return change


def crops(count: int = 3) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def settle(network: keras.Model) -> keras.Model:
    """No weight is trivial, so that none can be forgotten."""
    rng = np.random.default_rng(0)
    network.set_weights([w + rng.uniform(0.05, 0.3, w.shape) for w in network.get_weights()])
    return network


def small(points: int = 68, *hidden: layers.Layer) -> keras.Sequential:
    body = hidden or (layers.Conv2D(4, 3, strides=8),)
    return settle(
        keras.Sequential([
            keras.Input((SIDE, SIDE, 3)), *body, layers.GlobalAveragePooling2D(),
            layers.Dense(2 * points, name="points"),
        ])
    )  # fmt: skip


def winding() -> keras.Model:
    """Nested, shared, separable, with arithmetic, norms in each place, dropout and PReLU."""
    inner_image = keras.Input((SIDE, SIDE, 4))
    hidden = layers.SeparableConv2D(6, 3, 2, "same", activation="relu", depth_multiplier=2)(
        inner_image
    )
    hidden = layers.BatchNormalization()(hidden)
    inner = keras.Model(inner_image, layers.Dropout(0.5)(hidden))
    rectify, image = layers.ReLU(), keras.Input((SIDE, SIDE, 3))
    hidden = layers.Conv2D(4, 3, padding="same", use_bias=False)(image / 127.5 - 1.0)
    hidden = rectify(layers.BatchNormalization(scale=False)(hidden))
    hidden = keras.Sequential([inner, layers.PReLU(shared_axes=[1, 2])])(hidden)
    hidden = layers.Add()([hidden, rectify(hidden) * 0.5 + 1.0])
    gate = layers.Dense(6, activation="hard_sigmoid")(layers.GlobalAveragePooling2D()(hidden))
    hidden = layers.Multiply()([hidden, layers.Reshape((1, 1, 6))(gate)])
    hidden = layers.Flatten()(layers.AveragePooling2D(4)(hidden))
    hidden = layers.Concatenate()([hidden, gate])
    points = layers.Reshape((98, 2))(layers.Dense(196, activation="tanh")(hidden * 0.01))
    return settle(keras.Model(image, {"points": points, "angles": layers.Dense(3)(hidden)}))


def test_any_such_network_computes_the_same(saved: Save) -> None:
    network = winding()
    meaning = replace(CONVENTIONS, scheme="wflw98", pixels="0..255", units="centred", pose="angles")
    model = import_network(saved(network), meaning)
    expected = network(crops().astype(np.float32), training=False)
    landmarks, pose = model.predict(crops())
    np.testing.assert_allclose(landmarks, (np.asarray(expected["points"]) + 1) / 2, atol=1e-5)
    np.testing.assert_allclose(pose, expected["angles"], rtol=1e-4)
    assert (model.scheme, model.variant) == (WFLW98, Variant(IMPORTED, 1.0, SIDE, 98))
    kinds = {type(layer) for layer in model.network.layers}
    assert not kinds & {layers.Dropout, layers.SeparableConv2D, keras.Sequential, keras.Model}
    assert model.pixels.offset == 127.5  # the rescaling went into the pixels


def test_it_comes_back_from_its_file(saved: Save, tmp_path: Path) -> None:
    model = import_network(saved(small()), replace(CONVENTIONS, units="pixels", margin=1.4))
    model.save(tmp_path / "own.keras")
    loaded = load_float_model(tmp_path / "own.keras")
    for ours, theirs in zip(loaded.predict(crops()), model.predict(crops()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert loaded.crop == CropRule(1.4, SIDE)
    with pytest.raises(ModelError, match="it is a float model already"):
        import_network(tmp_path / "own.keras", CONVENTIONS)


def test_without_pose_one_is_linear_in_the_landmarks(saved: Save) -> None:
    for network in (small(), small(68, layers.Conv2D(4, 3), layers.ReLU())):
        model = import_network(saved(network), replace(CONVENTIONS, units="pixels"))
        landmarks, pose = model.predict(crops())
        np.testing.assert_allclose(pose[:, :2], landmarks.sum(axis=1), rtol=1e-4)
        np.testing.assert_allclose(pose[:, 2], 1, atol=1e-3)
        assert model.provenance["imported"]["pose_fitted_error_degrees"] == 2.5


@pytest.mark.parametrize(
    ("units", "place"), [("crop", 0.25), ("pixels", 0.25 * SIDE - 0.5), ("centred", -0.5)]
)
def test_a_quarter_of_the_crop_in_each_unit(saved: Save, units: str, place: float) -> None:
    network = small()
    network.layers[-1].set_weights([np.zeros((4, 136)), np.full(136, place)])
    model = import_network(saved(network), replace(CONVENTIONS, units=units))
    landmarks, _ = model.predict(crops(1))
    np.testing.assert_allclose(landmarks, 0.25, atol=1e-6)


@pytest.mark.parametrize("pixels", ["-1..1", "0..1", "0..255"])
def test_pixels_come_in_the_range_and_order_that_was_said(saved: Save, pixels: str) -> None:
    network = small()
    model = import_network(saved(network), replace(CONVENTIONS, pixels=pixels, channels="bgr"))
    low, high = (float(bound) for bound in pixels.split(".."))
    seen = crops()[..., ::-1] / np.float32(255) * (high - low) + low
    expected = np.asarray(network(seen)).reshape(-1, 68, 2)
    np.testing.assert_allclose(model.predict(crops())[0], expected, rtol=1e-4, atol=1e-6)


def test_channels_that_cannot_be_turned_are_refused(saved: Save) -> None:
    network = small(68, layers.DepthwiseConv2D(3))
    with pytest.raises(ModelError, match="cannot be turned to RGB.*import that as rgb"):
        import_network(saved(network), replace(CONVENTIONS, channels="bgr"))


def test_the_named_outputs_are_taken(saved: Save) -> None:
    image = keras.Input((SIDE, SIDE, 3))
    features = layers.GlobalAveragePooling2D()(image)
    ends = {name: layers.Dense(136)(features) for name in ("one", "other")}
    network = settle(keras.Model(image, {**ends, "sex": layers.Dense(3)(features)}))
    with pytest.raises(ModelError, match=r"more than one has the 2 x 68.*Say which: --landmarks"):
        import_network(saved(network), CONVENTIONS)
    model = import_network(saved(network), replace(CONVENTIONS, landmarks="other"))
    expected = network(crops() / np.float32(255))["other"]
    np.testing.assert_allclose(model.predict(crops())[0].reshape(3, -1), expected, rtol=1e-4)
    for wrong, kind in (("third", UsageError), ("sex", ModelError)):
        with pytest.raises(kind, match=f"output .*{wrong}"):
            import_network(saved(network), replace(CONVENTIONS, landmarks=wrong))


def refused(path: Path) -> str:
    with pytest.raises(AsmnetEdgeError) as caught:
        import_network(path, CONVENTIONS)
    assert caught.value.exit_code == 2
    assert caught.value.cure
    return str(caught.value)


def test_what_does_not_fit_is_reported(saved: Save) -> None:
    assert "of its outputs points (196,) none has the 2 x 68 numbers" in refused(saved(small(98)))
    oblong = keras.Sequential([keras.Input((32, 48, 3)), layers.Flatten(), layers.Dense(136)])
    assert "its input is (32, 48, 3), expected a picture (s, s, 3)" in refused(saved(oblong))
    free = keras.Sequential([keras.Input((None, None, 3)), layers.GlobalAveragePooling2D()])
    assert "expected a picture (s, s, 3)" in refused(saved(free))
    pair = [keras.Input((SIDE, SIDE, 3)) for _ in range(2)]
    both = keras.Model(pair, layers.Dense(136)(layers.Flatten()(layers.Add()(pair))))
    assert "it has 2 inputs, expected one" in refused(saved(both))


@pytest.mark.parametrize("name", ["net.h5", "gone.keras", "letter.keras", "folder"])
def test_what_is_no_keras_file_is_reported(tmp_path: Path, name: str) -> None:
    if name != "gone.keras":
        (tmp_path / name).write_bytes(b"Dear Sir or Madam")
    assert name in refused(tmp_path / name)


def test_a_lambda_is_refused_by_name_and_does_not_run(
    saved: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = layers.Lambda(lambda x: (open("it-ran", "w").close(), x)[1], output_shape=(4, 4, 3))
    monkeypatch.chdir(tmp_path)
    path = saved(small(68, layers.AveragePooling2D(8), spy))
    (tmp_path / "it-ran").unlink(missing_ok=True)
    assert "it has a Lambda of keras.layers" in refused(path)
    assert not (tmp_path / "it-ran").exists()


@keras.saving.register_keras_serializable("theirs")
class Strange(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


def test_a_registered_class_is_refused_by_name(saved: Save) -> None:
    assert "theirs>Strange" in refused(saved(small(68, Strange())))


@keras.saving.register_keras_serializable("theirs")
def crooked(x: Any) -> Any:
    return x


def test_a_custom_activation_is_refused_by_name(saved: Save) -> None:
    for theirs, named in ((crooked, "theirs>crooked"), (lambda x: x, "a lambda")):
        message = refused(saved(small(68, layers.Conv2D(2, 3, activation=theirs))))
        assert f"its Conv2D has {named} for activation" in message


@pytest.mark.parametrize(
    "change",
    [
        {"module": "os", "class_name": "system", "registered_name": None},
        {"module": "subprocess"},
        {"module": "keras.src.saving", "class_name": "load_model"},
        {"registered_name": "theirs>Strange"},
        {"class_name": "Bidirectional"},
        {"config": {"name": "x", "filters": 2, "kernel_size": 1, "evil": {"class_name": "f"}}},
        {"config": {"filters": 10**9, "kernel_size": 1}},
        {"config": {"filters": 2, "kernel_size": 1, "data_format": "channels_first"}},
        {"config": {"filters": 2, "kernel_size": 1, "activation": "os.system"}},
        {"config": []},
    ],
)
def test_a_forged_description_is_refused(changed: Callable, change: dict) -> None:
    path = changed(small(), lambda d: d["config"]["layers"][1].update(change))
    refused(path)


def test_a_forged_float_model_is_refused_too(saved: Save, tmp_path: Path) -> None:
    model = import_network(saved(small()), CONVENTIONS)
    model.save(tmp_path / "own.keras")
    with zipfile.ZipFile(tmp_path / "own.keras") as old:
        content = {name: old.read(name) for name in old.namelist()}
    content["config.json"] = content["config.json"].replace(b'"Conv2D"', b'"Lambda"')
    with zipfile.ZipFile(tmp_path / "forged.keras", "w") as new:
        for name, data in content.items():
            new.writestr(name, data)
    with pytest.raises(ModelError, match="Lambda"):
        load_float_model(tmp_path / "forged.keras")


def test_weights_that_link_elsewhere_are_refused(saved: Save, tmp_path: Path) -> None:
    import h5py

    path = saved(small())
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    content["model.weights.h5"] = (tmp_path / "links.h5").read_bytes()
    with zipfile.ZipFile(path, "w") as new:
        for name, data in content.items():
            new.writestr(name, data)
    assert "layers is a link" in refused(path)


def test_every_activation_on_the_list_is_one_of_keras() -> None:
    for name in ACTIVATIONS:
        assert keras.activations.serialize(keras.activations.get(name))


def test_an_imported_network_is_not_built_by_name() -> None:
    with pytest.raises(UsageError, match="is read from a .keras file"):
        build(Variant(IMPORTED))
    with pytest.raises(ModelError, match="no layer where one belongs"):
        rebuild([])
