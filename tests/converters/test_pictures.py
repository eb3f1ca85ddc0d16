"""Calibrating on a folder of pictures that nobody annotated."""

from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.converters.calibration.calibration_set import calibrate_on
from asmnet_edge.converters.calibration.sources import FaceSource, UnlabelledPictures
from asmnet_edge.datasets.sample import Dataset
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.io.images import Picture, write_image
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.detector import whole_picture
from asmnet_edge.training.float_model import FloatModel

BOX = Box(60, 60, 120, 130)


def one_face(picture: Picture) -> list[Box]:
    return [BOX] if picture.std() > 1 else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six faces, one of them in a folder within; a grey picture, a broken one, and a text."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "inner").mkdir()
    for number in range(6):
        place = folder / ("inner" if number == 5 else "") / f"{number}.png"
        write_image(place, draw_face(number).picture)
    write_image(folder / "grey.png", np.full((200, 200, 3), 128, np.uint8))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_each_picture_with_a_face_is_a_face(folder: Path, model: FloatModel) -> None:
    faces = UnlabelledPictures(folder, model, one_face).samples("train", lambda error: None)
    assert [f.name for f in faces] == ["0.png", "1.png", "2.png", "3.png", "4.png", "inner/5.png"]


def test_what_is_unreadable_or_shows_no_face_is_named(folder: Path, model: FloatModel) -> None:
    errors: list[str] = []
    faces = UnlabelledPictures(folder, model, one_face)
    faces.samples("train", lambda error: errors.append(str(error)))
    assert len(errors) == 2
    assert "broken.jpg is cut off" in errors[0]
    assert errors[1].startswith("no face was found in ")
    assert errors[1].endswith("grey.png")


def test_landmarks_are_what_the_model_sees_in_the_box(folder: Path, model: FloatModel) -> None:
    face = UnlabelledPictures(folder, model, one_face).samples("train", lambda error: None)[0]
    points = face.landmarks.points
    assert BOX.x - 60 < points[:, 0].min() < points[:, 0].max() < BOX.x + BOX.width + 60
    # the crop is cut around them, as the second look of the runtime does
    assert face.landmarks.box != BOX


def test_faces_of_one_picture_stay_together(folder: Path, model: FloatModel) -> None:
    twice = UnlabelledPictures(folder, model, lambda picture: [BOX, BOX])
    first, second, *_ = twice.samples("train", lambda error: None)
    assert (first.name, second.name) == ("0.png#1", "0.png#2")
    assert first.identity == second.identity == "0.png"


def test_they_calibrate(folder: Path, model: FloatModel) -> None:
    faces: Dataset = UnlabelledPictures(folder, model, whole_picture)
    found = calibrate_on(faces, model.crop, on_broken=lambda error: None)
    content = found.as_json()
    assert content["source"] == "pictures train"
    assert 4 <= content["count"] <= 7
    assert set(content["strata"]) == {"yaw", "pitch", "light"}


def test_a_test_picture_among_them_is_refused(
    model: FloatModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = DrawnFaces(12, size=128)
    for number, sample in enumerate(tests.samples("test")):
        write_image(tmp_path / f"{number}.jpg", sample.load())
    monkeypatch.setattr("asmnet_edge.converters.calibration.leakage.DISJOINT", ())
    faces = UnlabelledPictures(tmp_path, model, whole_picture)
    with pytest.raises(DataError, match=r"0\.jpg shows test/0-"):
        calibrate_on(faces, model.crop, not_in=[tests])


@pytest.mark.parametrize(("name", "cure"), [("gone", "no folder"), ("empty", "holds no pictures")])
def test_a_folder_without_pictures_is_errors(
    model: FloatModel, tmp_path: Path, name: str, cure: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=cure):
        UnlabelledPictures(tmp_path / name, model)


def test_a_detector_is_for_pictures_without_landmarks() -> None:
    with pytest.raises(UsageError, match="--detector is for pictures:DIR"):
        FaceSource("synthetic:8", detector="none")
