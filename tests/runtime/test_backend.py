"""One protocol for all runtimes: chosen by suffix, and only after the manifest was checked."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asmnet_edge.errors import MissingExtraError, ModelError
from asmnet_edge.formats import FormatSpec, Precision, Runtime, format_of, registry, suffixes
from asmnet_edge.io.files import SHIPPED_INT8, shipped
from asmnet_edge.io.manifest import ArtifactManifest
from asmnet_edge.runtime.artifact import check_artifact, open_artifact
from asmnet_edge.runtime.backends import litert
from asmnet_edge.runtime.backends.backend import open_backend, run_all
from asmnet_edge.runtime.backends.litert import has_scaled_heads, interpreter_class
from asmnet_edge.runtime.backends.openvino import OpenVinoBackend


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What a fake runtime for ``.fake`` was asked to load: name and threads."""
    calls: list[tuple[str, int]] = []

    def load(path: Path, threads: int, files: dict) -> SimpleNamespace:
        calls.append((path.name, threads))
        return SimpleNamespace(name="fake 1.0")

    names = {"backend": "fake_runtime:load", "exporter": "fake_x:X", "inspector": "fake_i:I"}
    runtime = Runtime("Fake", "fake", "fake_runtime", "fake_runtime:load")
    spec = FormatSpec("fake", "Fake", ".fake", (Precision.INT8,), (runtime,), **names)
    monkeypatch.setattr(registry, "BUILT_IN", (*registry.BUILT_IN, spec))
    monkeypatch.setitem(sys.modules, "fake_runtime", SimpleNamespace(load=load))
    return calls


@pytest.fixture
def fake_file(tmp_path: Path, manifest: ArtifactManifest) -> Path:
    path = tmp_path / "model.fake"
    path.write_bytes(b"weights")
    manifest.sealed([path]).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "module"),
    [("a.tflite", "litert"), ("b.onnx", "onnx_runtime"), ("folder.x/c.xml", "openvino")],
)
def test_the_suffix_chooses_the_runtime(name: str, module: str) -> None:
    assert format_of(Path(name)).backend == f"asmnet_edge.runtime.backends.{module}:load"


@pytest.mark.parametrize("name", ["model.keras", "model.bin", "model", "model.tflite.json"])
def test_an_unknown_suffix_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ModelError, match=r"cannot|not an artifact.*Known: .tflite, .onnx, .xml"):
        open_artifact(Path(name))


def test_an_artifact_is_loaded_with_its_threads(
    loaded: list[tuple[str, int]], fake_file: Path
) -> None:
    artifact = open_artifact(fake_file, threads=3)
    assert loaded == [("model.fake", 3)]
    assert (artifact.path, artifact.manifest.format) == (fake_file, "fake")
    assert artifact.backend.name == "fake 1.0"


def test_no_runtime_sees_a_file_without_a_manifest(
    loaded: list[tuple[str, int]], fake_file: Path
) -> None:
    fake_file.with_name("model.fake.json").unlink()
    with pytest.raises(ModelError, match="no manifest"):
        open_artifact(fake_file)
    assert loaded == []


def test_no_runtime_sees_a_file_that_was_changed(
    loaded: list[tuple[str, int]], fake_file: Path
) -> None:
    fake_file.write_bytes(b"weightz")
    with pytest.raises(ModelError, match="not the file that its manifest was written for"):
        open_artifact(fake_file)
    assert loaded == []


def test_no_runtime_sees_weights_that_the_manifest_omits(
    tmp_path: Path, manifest: ArtifactManifest
) -> None:
    # an IR is two files: one that vouches for the .xml alone leaves the weights to anybody
    path = tmp_path / "model.xml"
    path.write_text("<net/>")
    path.with_suffix(".bin").write_bytes(b"whose?")
    replace(manifest, format="openvino").sealed([path]).save(path)
    with pytest.raises(ModelError, match=r"model\.bin"):
        open_artifact(path)


@pytest.mark.parametrize("suffix", suffixes())
def test_a_text_is_loaded_by_no_runtime(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"letter{suffix}"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ModelError, match=rf"letter\{suffix} cannot be loaded as"):
        open_backend(path)


@pytest.mark.parametrize(
    ("suffix", "package", "extra"),
    [(".onnx", "onnxruntime", "onnx"), (".xml", "openvino", "openvino")],
)
def test_a_missing_runtime_prints_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, suffix: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.*asmnet-edge\[{extra}\]"):
        open_backend(Path(f"model{suffix}"))


def test_litert_comes_first(manifest: ArtifactManifest) -> None:
    assert open_backend(shipped(SHIPPED_INT8)).name.startswith("ai-edge-litert ")


def test_without_any_tflite_runtime_one_is_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    for runtime in litert.RUNTIMES:
        monkeypatch.setitem(sys.modules, runtime.module, None)
    with pytest.raises(MissingExtraError, match="pip install ai-edge-litert"):
        open_backend(shipped(SHIPPED_INT8))


def test_onnx_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    tensor = onnx.numpy_helper.from_array(np.zeros(4096, np.float32), "w")
    graph = onnx.helper.make_graph([], "g", [], [], [tensor])
    where = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx", **where)
    with pytest.raises(ModelError, match="keeps weights in other files"):
        open_artifact(tmp_path / "model.onnx", trust=True)


def test_overwriting_a_file_does_not_crash_its_user(tmp_path: Path) -> None:
    path = Path(shutil.copy(shipped(SHIPPED_INT8), tmp_path / "model.tflite"))
    opened = open_backend(path)
    crop = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    before = opened.run(crop)[0].copy()
    path.write_bytes(b"")  # as scp does first: LiteRT's map of it would be a bus error now
    np.testing.assert_array_equal(opened.run(crop)[0], before)


def test_what_was_checked_is_what_is_loaded(tmp_path: Path) -> None:
    for name in (SHIPPED_INT8, f"{SHIPPED_INT8}.json"):
        shutil.copy(shipped(name), tmp_path / name)
    checked = check_artifact(tmp_path / SHIPPED_INT8)
    (tmp_path / SHIPPED_INT8).write_bytes(b"another by now")
    assert checked.open().backend.name.startswith("ai-edge-litert ")


def test_running_all_keeps_what_a_backend_overwrites() -> None:
    # as OpenVINO does: every call answers in the same two arrays
    buffers = np.zeros((68, 2), np.float32), np.zeros(3, np.float32)

    def run(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert crop.shape == (1, 8, 8, 3)
        for buffer in buffers:
            buffer[:] = crop[0, 0, 0, 0]
        return buffers

    crops = np.zeros((3, 8, 8, 3), np.uint8)
    crops[:, 0, 0, 0] = [5, 6, 7]
    landmarks, pose = run_all(SimpleNamespace(name="one buffer", run=run), crops)
    assert (landmarks.shape, pose.shape) == ((3, 68, 2), (3, 3))
    assert landmarks[:, 0, 0].tolist() == pose[:, 0].tolist() == [5, 6, 7]


def test_the_shipped_model_keeps_the_contract() -> None:
    artifact = open_artifact(shipped(SHIPPED_INT8))
    landmarks, pose = artifact.backend.run(np.full((1, 224, 224, 3), 128, np.uint8))
    assert (landmarks.shape, pose.shape) == ((68, 2), (3,))
    assert artifact.manifest.precision == "int8"
    assert artifact.manifest.crop_rule.size == 224


def test_a_runtime_that_would_compute_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # tflite-runtime 2.14 gave landmarks 31 of 256 pixels off, without a word
    found = interpreter_class()[0], "tflite-runtime 2.14.0"
    monkeypatch.setattr(litert, "interpreter_class", lambda package: found)
    open_backend(shipped(SHIPPED_INT8))  # ours is not such a file
    monkeypatch.setattr(litert, "has_scaled_heads", lambda interpreter: True)
    with pytest.raises(ModelError, match=r"computes .* wrongly: .*pip install ai-edge-litert"):
        open_backend(shipped(SHIPPED_INT8))


@pytest.mark.parametrize(
    ("given", "weights", "scales", "expected"),
    [
        (np.float32, np.int8, 136, True),
        (np.float32, np.int8, 1, False),
        (np.float32, np.float32, 0, False),
        (np.int8, np.int8, 136, False),
    ],
)
def test_heads_with_a_scale_for_each_row_are_recognised(
    given: type, weights: type, scales: int, expected: bool
) -> None:
    tensors = [
        {"index": 7, "dtype": given, "quantization_parameters": {"scales": np.ones(1)}},
        {"index": 9, "dtype": weights, "quantization_parameters": {"scales": np.ones(scales)}},
    ]
    operators = [{"op_name": "FULLY_CONNECTED", "inputs": [7, 9, 3], "outputs": [4]}]
    fake = SimpleNamespace(get_tensor_details=lambda: tensors, _get_ops_details=lambda: operators)
    assert has_scaled_heads(fake) is expected


@pytest.mark.parametrize(
    "crop", [np.full((1, 8, 8, 3), 0.5, np.float32), np.zeros((1, 1, 8, 3), np.uint8)]
)
def test_openvino_refuses_a_crop_that_it_would_cast_or_repeat(crop: np.ndarray) -> None:
    class Request:
        def get_input_tensor(self) -> Any:
            return SimpleNamespace(data=np.zeros((1, 8, 8, 3), np.uint8))

    compiled = SimpleNamespace(create_infer_request=Request, output=str)
    with pytest.raises(ValueError, match=r"expected a crop \(1, 8, 8, 3\) uint8, got"):
        OpenVinoBackend(compiled, "played").run(crop)
