"""A landmark scheme of one line, without a map to iBUG's 68: imported, drawn and evaluated."""

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import toys
from click.testing import CliRunner, Result
from keras import layers

from asmnet_edge.cli.main import cli
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.importers import hdf5
from asmnet_edge.importers.keras3 import Conventions, import_network
from asmnet_edge.io.drawing import draw_landmarks


@pytest.fixture(autouse=True)
def toy_scheme() -> Iterator[None]:
    with toys.registered_data():
        yield


@pytest.fixture(autouse=True)
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 is read here, which is quicker."""
    monkeypatch.setattr(hdf5, "_in_child_process", lambda work, path: work(path))


def network(*outputs: int) -> keras.Model:
    """Return a network with an output of so many numbers each."""
    picture = keras.Input((32, 32, 3))
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, strides=8)(picture))
    names = ("landmarks", "pose")
    pairs = zip(names, outputs, strict=False)
    heads = {name: layers.Dense(size, name=name)(features) for name, size in pairs}
    return keras.Model(picture, heads)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network(6, 3).save(tmp_path / "net.keras")
    import_network(tmp_path / "net.keras", Conventions("triangle3")).save(tmp_path / "toy.keras")
    return tmp_path / "toy.keras"


def evaluate(model: Path, data: str) -> Result:
    words = ["evaluate", str(model), "--data", data, "--subset", "train", "--no-sensitivity"]
    return CliRunner().invoke(cli, [*words, "--json"])


def test_a_network_of_the_scheme_is_evaluated(model: Path) -> None:
    done = evaluate(model, "toy:3")
    assert done.exit_code == 0, done.output
    (subset,) = json.loads(done.stdout)["subsets"]
    assert subset["faces"] == 3
    assert set(subset["nme_by_region"]) == {"eyes", "mouth"}
    assert set(subset["pose_mae"]) == {"yaw", "pitch", "roll"}


def test_faces_without_pose_are_refused_with_the_reason(model: Path) -> None:
    done = evaluate(model, "poseless:3")
    assert done.exit_code != 0
    assert "the head pose of triangle3 landmarks cannot be fitted" in str(done.exception)


def test_a_network_without_pose_is_refused_with_the_reason(tmp_path: Path) -> None:
    network(6).save(tmp_path / "net.keras")
    with pytest.raises(ModelError, match="it gives no pose, and none can be fitted to triangle3"):
        import_network(tmp_path / "net.keras", Conventions("triangle3"))


def test_landmarks_of_the_scheme_are_drawn() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    points = np.array([[10.0, 10], [50, 10], [30, 40]])
    draw_landmarks(picture, Landmarks(points, toys.TRIANGLE))
    assert picture[10, 10].any() and picture[10, 50].any() and picture[40, 30].any()
    assert picture[10, 30].any()  # a line from eye to eye
    assert not picture[55, 5].any()
