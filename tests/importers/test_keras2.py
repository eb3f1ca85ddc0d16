"""Official .h5 models: what Keras 2 answers, ours answers; what does not fit is named, not run."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import shared

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68, WFLW98
from asmnet_edge.importers import hdf5
from asmnet_edge.importers.keras2 import import_h5
from asmnet_edge.io.files import sha256
from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.model_facts import PixelScaling

KINDS = shared.KERAS2_KINDS
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
FIRST = "model_weights/Conv1/Conv1/kernel:0"
Change = Callable[[Callable[[h5py.File], object]], Path]


@pytest.fixture(scope="module")
def folder() -> Path:
    """Models that `tests/keras2.py` wrote, and the results of Keras 2 itself."""
    return shared.keras2()


@pytest.fixture(scope="module")
def imported(folder: Path) -> dict[str, FloatModel]:
    return {kind: import_h5(folder / f"{kind}.h5") for kind in KINDS}


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Change:
    """Makes a copy of the ASMNet with 68 points in which something is not as it was."""

    def copy(change: Callable[[h5py.File], object]) -> Path:
        path = tmp_path / "changed.h5"
        shutil.copy(folder / "asmnet68.h5", path)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return copy


def answers(folder: Path, kind: str) -> dict[str, np.ndarray]:
    with np.load(folder / f"{kind}.npz") as content:
        return dict(content)


def in_pixels(official: np.ndarray) -> np.ndarray:
    """Landmarks (N, n, 2) in pixels from the crop's corner: o = (112 - p) / 224 the other way."""
    return 112 - 224 * official.reshape(len(official), -1, 2)


# the same answers


@EVERY_KIND
def test_landmarks_are_those_of_keras_2(
    folder: Path, imported: dict[str, FloatModel], kind: str
) -> None:
    theirs = answers(folder, kind)
    landmarks, _ = imported[kind].predict(theirs["crops"])
    expected = in_pixels(theirs["landmarks"])
    assert np.ptp(expected, axis=0).max() > 5  # the crops make a difference
    assert np.abs(224 * landmarks - expected).max() < 224 * 1e-4


@EVERY_KIND
def test_pose_is_in_degrees_with_our_signs(
    folder: Path, imported: dict[str, FloatModel], kind: str
) -> None:
    theirs = answers(folder, kind)
    _, pose = imported[kind].predict(theirs["crops"])
    yaw, pitch, roll = theirs["pose"].T
    np.testing.assert_allclose(pose, np.stack([-65 * yaw, 65 * pitch, 65 * roll], 1), atol=0.01)


def test_a_model_that_saw_bgr_gets_bgr(folder: Path) -> None:
    theirs = answers(folder, "asmnet68")
    landmarks, _ = import_h5(folder / "asmnet68.h5", "bgr").predict(theirs["crops"])
    expected = in_pixels(theirs["landmarks_bgr"])
    assert np.abs(expected - in_pixels(theirs["landmarks"])).max() > 5
    assert np.abs(224 * landmarks - expected).max() < 224 * 1e-4


def test_an_imported_model_is_saved_and_loaded_like_any_other(
    folder: Path, imported: dict[str, FloatModel], tmp_path: Path
) -> None:
    imported["asmnet68"].save(tmp_path / "official.keras")
    loaded = load_float_model(tmp_path / "official.keras")
    assert loaded.pixels == PixelScaling(0.0, 1 / 255)
    crops = answers(folder, "asmnet68")["crops"]
    for ours, theirs in zip(
        loaded.predict(crops), imported["asmnet68"].predict(crops), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


# what the shapes show


@pytest.mark.parametrize(
    ("kind", "architecture", "scheme"),
    [
        ("asmnet68", "asmnet", IBUG68),
        ("mobilenetv2-98", "mobilenetv2", WFLW98),
        ("weights-only", "asmnet", WFLW98),
        ("nested", "mobilenetv2", IBUG68),
    ],
)
def test_the_variant_is_found_from_the_shapes(
    imported: dict[str, FloatModel], kind: str, architecture: str, scheme: object
) -> None:
    model = imported[kind]
    assert (model.variant.architecture, model.scheme) == (architecture, scheme)
    assert (model.variant.alpha, model.variant.input_size) == (1.0, 224)


def test_an_imported_model_states_its_origin(folder: Path) -> None:
    path = folder / "asmnet68.h5"
    model = import_h5(path, "bgr", margin=1.2)
    origin = {"file": "asmnet68.h5", "sha256": sha256(path), "channels": "bgr"}
    assert model.provenance == {"imported": origin}
    assert model.crop == CropRule(1.2, 224)


def test_a_weight_named_by_a_second_session_is_found(
    changed: Change, imported: dict[str, FloatModel]
) -> None:
    path = changed(lambda file: file.move(FIRST, "model_weights/Conv1/Conv1_1/kernel:0"))
    ours, theirs = (m.network.get_weights() for m in (import_h5(path), imported["asmnet68"]))
    assert all(map(np.array_equal, ours, theirs))


# what does not fit


def test_a_missing_weight_is_named(changed: Change) -> None:
    path = changed(lambda file: file.__delitem__(FIRST))
    with pytest.raises(
        ModelError, match=r"changed\.h5 is no official model: missing: Conv1/kernel\."
    ):
        import_h5(path)


def test_a_missing_layer_is_reported_by_its_first_weights(changed: Change) -> None:
    path = changed(lambda file: file["model_weights"].__delitem__("block_15_project_BN"))
    with pytest.raises(ModelError, match=r"block_15_project_BN/gamma, .* and 1 more"):
        import_h5(path)


@pytest.mark.parametrize("name", ["predictions/predictions/kernel", "Conv1/Conv1/bias"])
def test_an_extra_weight_is_named(changed: Change, name: str) -> None:
    path = changed(
        lambda file: file.create_dataset(f"model_weights/{name}:0", data=np.zeros(3, "f4"))
    )
    layer, weight = name.split("/")[1:]
    with pytest.raises(ModelError, match=rf"not part of the network: .*{layer}/{weight}"):
        import_h5(path)


def test_a_misshapen_weight_is_named_with_both_shapes(changed: Change) -> None:
    def narrow(file: h5py.File) -> None:
        kernel = file[FIRST][..., :24]
        del file[FIRST]
        file[FIRST] = kernel

    with pytest.raises(
        ModelError, match=r"Conv1/kernel \(3, 3, 3, 24\) instead of \(3, 3, 3, 32\)"
    ):
        import_h5(changed(narrow))


def test_a_weight_that_is_there_twice_is_named(changed: Change) -> None:
    path = changed(lambda file: file.copy(FIRST, file["model_weights/O_P"], "Conv1/kernel:0"))
    with pytest.raises(ModelError, match="it holds Conv1/kernel twice"):
        import_h5(path)


def test_a_weight_that_is_not_finite_is_named(changed: Change) -> None:
    path = changed(lambda file: file[FIRST].__setitem__((0, 0, 0, 0), np.nan))
    with pytest.raises(ModelError, match="not finite: Conv1/kernel"):
        import_h5(path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((600, 136), r"O_L/kernel is \(600, 136\), expected \(536 or 1280, 2 x points\)"),
        ((536, 135), r"O_L/kernel is \(536, 135\)"),
        ((136,), r"O_L/kernel is \(136,\)"),
        ((536, 58), "29"),
    ],
)
def test_a_head_of_another_kind_is_reported(changed: Change, shape: tuple, message: str) -> None:
    def replace_head(file: h5py.File) -> None:
        del file["model_weights/O_L/O_L/kernel:0"]
        file["model_weights/O_L/O_L/kernel:0"] = np.zeros(shape, "f4")

    with pytest.raises(ModelError, match=message):
        import_h5(changed(replace_head))


def test_another_architecture_is_reported(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "mnist.h5", "w") as file:
        file["model_weights/dense/dense/kernel:0"] = np.zeros((784, 10), "f4")
    with pytest.raises(ModelError, match=r"0 weights O_L/kernel.*Expected ASMNet or MobileNetV2"):
        import_h5(tmp_path / "mnist.h5")


def test_an_unknown_channel_order_is_reported(folder: Path) -> None:
    with pytest.raises(UsageError, match="no channel order 'grb'. Known: rgb, bgr"):
        import_h5(folder / "asmnet68.h5", "grb")


# strangers' files


@pytest.mark.parametrize(
    "content", [b"", b"Dear Sir or Madam", pickle.dumps({"Conv1": [1.0]}), b"\x89HDF\r\n\x1a\n"]
)
def test_a_file_that_is_no_hdf5_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "letter.h5").write_bytes(content)
    with pytest.raises(ModelError, match=r"letter\.h5 cannot be read as HDF5.*Keras 2"):
        import_h5(tmp_path / "letter.h5")


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*gone\.h5"):
        import_h5(tmp_path / "gone.h5")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_file_cut_off_is_reported(folder: Path, tmp_path: Path, share: float) -> None:
    content = (folder / "asmnet68.h5").read_bytes()
    (tmp_path / "half.h5").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"half\.h5 cannot be read as HDF5: .*truncated"):
        import_h5(tmp_path / "half.h5")


class Crash:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return os.abort, ()


def test_a_file_that_crashes_the_library_does_not_crash_us(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "_read", Crash())
    with pytest.raises(ModelError, match="made the HDF5 library crash"):
        import_h5(folder / "asmnet68.h5")


def test_code_in_the_description_of_layers_is_not_looked_at(
    changed: Change, imported: dict[str, FloatModel]
) -> None:
    def add_code(file: h5py.File) -> None:
        file.attrs["model_config"] = '{"class_name": "Lambda", "config": {"function": ["4wEA"]}}'

    ours, theirs = import_h5(changed(add_code)), imported["asmnet68"]
    assert all(map(np.array_equal, ours.network.get_weights(), theirs.network.get_weights()))


@pytest.mark.parametrize("link", [h5py.SoftLink("/elsewhere"), h5py.ExternalLink("/secret", "/a")])
def test_links_are_not_followed(changed: Change, link: object) -> None:
    def relink(file: h5py.File) -> None:
        file["elsewhere"] = file[FIRST][()]
        del file[FIRST]
        file[FIRST] = link

    with pytest.raises(ModelError, match="missing: Conv1/kernel"):
        import_h5(changed(relink))


def test_numbers_in_another_file_are_not_read(changed: Change, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(3 * 3 * 3 * 32 * 4))

    def point_outside(file: h5py.File) -> None:
        del file[FIRST]
        place = [(str(secret), 0, secret.stat().st_size)]
        file.create_dataset(FIRST, (3, 3, 3, 32), "f4", external=place)

    with pytest.raises(ModelError, match="Conv1/Conv1/kernel:0 lies in another file"):
        import_h5(changed(point_outside))


def test_a_promise_of_endless_numbers_is_not_allocated(changed: Change) -> None:
    def inflate(file: h5py.File) -> None:
        del file[FIRST]
        file.create_dataset(FIRST, (2**40,), "f4", chunks=(2**16,), compression="gzip")

    with pytest.raises(ModelError, match="more than 17 million numbers"):
        import_h5(changed(inflate))


@pytest.mark.parametrize("values", [np.arange(4), np.array([b"import os"], object)])
def test_what_is_not_floating_point_is_named(changed: Change, values: np.ndarray) -> None:
    def insert(file: h5py.File) -> None:
        kind = h5py.string_dtype() if values.dtype == object else None
        file.create_dataset("model_weights/Conv1/Conv1/bias:0", data=values, dtype=kind)

    with pytest.raises(ModelError, match="Conv1/Conv1/bias:0 is .*, not floating-point numbers"):
        import_h5(changed(insert))
