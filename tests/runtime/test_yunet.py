"""The five points of YuNet become the box that the landmarks of that face would have."""

import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from asmnet_edge.errors import ModelError
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime import sandbox
from asmnet_edge.runtime import yunet as yunet_module
from asmnet_edge.runtime.tracker import overlap
from asmnet_edge.runtime.yunet import FIVE, yunet


def five_of(seed: int) -> np.ndarray:
    points = draw_face(seed).landmarks.points
    return np.stack([points[list(group)].mean(axis=0) for group in FIVE])


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """In YuNet's place: answers with the rows it was given."""
    fake = SimpleNamespace(rows=None, size=None)
    fake.setInputSize = lambda size: setattr(fake, "size", size)
    fake.detect = lambda picture: (1, fake.rows)
    monkeypatch.setattr(cv2, "FaceDetectorYN", SimpleNamespace(create=lambda *_: fake))
    monkeypatch.setattr(yunet_module, "run_probe", lambda module, path, files, cure: {})
    return fake


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"weights")
    return path


def row(five: np.ndarray) -> list[float]:
    """As OpenCV has it: places count from pixel edges."""
    return [0, 0, 1, 1, *(five + 0.5).ravel(), 0.9]


FRONTAL = [
    seed for seed in range(24) if (np.abs(draw_face(seed).pose) < [15, 12, 15]).all()
]  # of a head that is turned far, five points say too little of the rest


@pytest.mark.parametrize("seed", FRONTAL)
def test_the_box_lies_where_the_landmarks_do(
    network: SimpleNamespace, model: Path, seed: int
) -> None:
    network.rows = np.array([row(five_of(seed))], np.float32)
    (box,) = yunet(model)(draw_face(seed).picture)
    true = draw_face(seed).landmarks.box
    side = max(true.width, true.height)
    assert box.width == box.height
    assert 0.8 < box.width / side < 1.25
    assert np.abs(np.subtract(box.centre, true.centre)).max() < 0.12 * side
    assert overlap(box, true) > 0.5


def test_large_pictures_are_shrunk_and_boxes_come_back(
    network: SimpleNamespace, model: Path
) -> None:
    five = five_of(FRONTAL[0])
    detect = yunet(model)
    network.rows = np.array([row(five)], np.float32)
    (box,) = detect(np.zeros((480, 640, 3), np.uint8))
    (large,) = detect(np.zeros((1920, 2560, 3), np.uint8))
    assert network.size == (640, 480)
    assert large.width == pytest.approx(4 * box.width, rel=1e-6)
    np.testing.assert_allclose(np.add(large.centre, 0.5), 4 * np.add(box.centre, 0.5), rtol=1e-6)


def test_the_largest_comes_first_and_none_is_none(network: SimpleNamespace, model: Path) -> None:
    five = five_of(FRONTAL[0])
    network.rows = np.array([row(five), row(2 * five)], np.float32)
    first, second = yunet(model)(np.zeros((400, 400, 3), np.uint8))
    assert first.width > second.width
    network.rows = None
    assert yunet(model)(np.zeros((400, 400, 3), np.uint8)) == []


def test_a_missing_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no YuNet model at"):
        yunet(tmp_path / "gone.onnx")


def test_a_text_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "letter.onnx"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ModelError, match="cannot be loaded as YuNet"):
        yunet(path)


def test_a_model_that_crashes_opencv_crashes_only_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"evil")
    run = sandbox.subprocess.run
    program = "import os; os.kill(os.getpid(), 11)"
    monkeypatch.setattr(
        sandbox.subprocess, "run", lambda _, **rest: run([sys.executable, "-c", program], **rest)
    )
    with pytest.raises(ModelError, match=r"crashed .*SIGSEGV.*face_detection_yunet"):
        yunet(path)


def test_a_huge_model_is_not_probed(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yunet_module, "LARGEST", 3)
    with pytest.raises(ModelError, match="more than 3 bytes"):
        yunet(model)


def test_a_network_of_its_shape_passes_the_probe(tmp_path: Path) -> None:
    path = shaped_like_yunet(tmp_path / "yunet.onnx")
    assert yunet(path)(np.zeros((100, 200, 3), np.uint8)) == []


def shaped_like_yunet(path: Path) -> Path:
    """Its outputs (1, places, channels) at strides of 8, 16 and 32, all 0: it never sees a face."""
    onnx = pytest.importorskip("onnx")
    nodes, weights, outputs = [], [], []
    for stride in (8, 16, 32):
        for name, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            key = f"{name}_{stride}"
            kernel = np.zeros((channels, 3, stride, stride), np.float32)
            shape = np.array([1, -1, channels])
            weights += [onnx.numpy_helper.from_array(kernel, f"{key}_w"),
                        onnx.numpy_helper.from_array(shape, f"{key}_s")]  # fmt: skip
            node = onnx.helper.make_node
            nodes += [
                node("Conv", ["input", f"{key}_w"], [f"{key}_c"],
                     kernel_shape=[stride] * 2, strides=[stride] * 2),
                node("Transpose", [f"{key}_c"], [f"{key}_t"], perm=[0, 2, 3, 1]),
                node("Reshape", [f"{key}_t", f"{key}_s"], [key]),
            ]  # fmt: skip
            outputs.append(onnx.helper.make_tensor_value_info(key, 1, [1, None, channels]))
    given = onnx.helper.make_tensor_value_info("input", 1, [1, 3, 320, 320])
    graph = onnx.helper.make_graph(nodes, "yunet", [given], outputs, weights)
    opset = [onnx.helper.make_opsetid("", 13)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path
