"""``asmnet-edge predict`` with the shipped model on pictures: drawing and JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from asmnet_edge.io.files import SHIPPED_INT8
from asmnet_edge.io.images import read_image, write_image
from asmnet_edge.rendering.drawn_face import draw_face

Run = Callable[..., Any]


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.png"
    write_image(path, np.full((80, 120, 3), 128, np.uint8))
    return path


def test_a_face_becomes_a_drawing_and_a_json(
    asmnet_edge: Run, face_file: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("predict", face_file, "--output", tmp_path / "out")
    assert ended.code == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["face-faces.jpg", "face-faces.json"]
    assert f"{face_file}: 1 face (" in ended.out
    drawn, picture = read_image(tmp_path / "out" / files[0]), read_image(face_file)
    assert drawn.shape == picture.shape
    assert np.abs(drawn.astype(int) - picture).max() > 100  # more than JPEG's own


def test_the_json_describes_the_face(asmnet_edge: Run, face_file: Path, tmp_path: Path) -> None:
    asmnet_edge("predict", face_file, "--output", tmp_path)
    content = json.loads((tmp_path / "face-faces.json").read_text())
    assert content["picture"] == str(face_file)
    assert (content["size"], content["scheme"]) == ([256, 256], "ibug68")
    assert content["model"] == SHIPPED_INT8
    assert content["timings_ms"].keys() == {"detect", "crop", "infer", "decode"}
    (face,) = content["faces"]
    assert face["pose"].keys() == {"yaw", "pitch", "roll"}
    assert len(face["box"]) == 4


# without a detector the face fills the picture, and a point of the jaw may lie beyond its edge
@pytest.mark.parametrize(("detector", "beyond"), [("haar", 0), ("none", 25)])
def test_landmarks_lie_in_the_picture(
    asmnet_edge: Run, face_file: Path, tmp_path: Path, detector: str, beyond: float
) -> None:
    asmnet_edge("predict", face_file, "--detector", detector, "--output", tmp_path)
    (face,) = json.loads((tmp_path / "face-faces.json").read_text())["faces"]
    points = np.array(face["landmarks"])
    assert points.shape == (68, 2)
    assert (points > -0.5 - beyond).all()
    assert (points < 255.5 + beyond).all()
    assert np.ptp(points, axis=0).min() > 30  # a face, not a spot


def test_json_on_standard_output_is_a_line_a_picture(
    asmnet_edge: Run, face_file: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.png"
    cv2.imwrite(str(second), draw_face(2, 200).picture)
    ended = asmnet_edge("predict", face_file, second, "--json", "--output", tmp_path / "out")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["picture"] for line in lines] == [str(face_file), str(second)]
    assert [line["size"] for line in lines] == [[256, 256], [200, 200]]
    written = json.loads((tmp_path / "out" / "second-faces.json").read_text())
    assert written == lines[1]


def test_a_picture_without_a_face_is_no_error(
    asmnet_edge: Run, blank: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("predict", blank, "--output", tmp_path / "out")
    assert ended.code == 0
    assert "0 faces" in ended.out
    assert "--detector none" in ended.out
    assert json.loads((tmp_path / "out" / "blank-faces.json").read_text())["faces"] == []


def test_without_a_detector_any_picture_is_a_face(
    asmnet_edge: Run, blank: Path, tmp_path: Path
) -> None:
    ended = asmnet_edge("predict", blank, "--detector", "none", "--json", "--output", tmp_path)
    (face,) = json.loads(ended.out)["faces"]
    # 80 pixels are 1.25 x 64
    assert face["box"] == [27.5, 7.5, 64.0, 64.0]


def test_overwrite_replaces_files(asmnet_edge: Run, face_file: Path, tmp_path: Path) -> None:
    (tmp_path / "face-faces.json").write_text("{}")
    ended = asmnet_edge("predict", face_file, "--output", tmp_path, "--overwrite")
    assert ended.code == 0
    assert json.loads((tmp_path / "face-faces.json").read_text())["faces"]


def test_the_source_picture_is_unchanged(asmnet_edge: Run, face_file: Path, tmp_path: Path) -> None:
    before = face_file.read_bytes()
    asmnet_edge("predict", face_file, "--output", tmp_path)
    assert face_file.read_bytes() == before
    assert list(face_file.parent.iterdir()) == [face_file]
