"""YuNet's five points become the box that the landmarks of that face would have."""

import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from asmnet_edge.data.synthetic import draw_face
from asmnet_edge.errors import ModelError
from asmnet_edge.runtime import trust
from asmnet_edge.runtime import yunet as room
from asmnet_edge.runtime.tracking import overlap
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
    monkeypatch.setattr(trust, "tried", lambda kind, path, files, cure: {})
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


def test_a_missing_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no YuNet model at"):
        yunet(tmp_path / "gone.onnx")


def test_a_text_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "letter.onnx"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ModelError, match="cannot be loaded as YuNet"):
        yunet(path)


def test_a_model_that_crashes_opencv_crashes_only_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(b"evil")
    run = trust.subprocess.run
    program = "import os; os.kill(os.getpid(), 11)"
    monkeypatch.setattr(
        trust.subprocess, "run", lambda _, **rest: run([sys.executable, "-c", program], **rest)
    )
    with pytest.raises(ModelError, match=r"crashed .*SIGSEGV.*face_detection_yunet"):
        yunet(path)


def test_a_huge_model_is_not_even_tried(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST", 3)
    with pytest.raises(ModelError, match="more than 3 bytes"):
        yunet(model)
