"""Detectors: boxes where the box of the landmarks would be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.crop import CropRule, cut
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.io.images import write_image
from asmnet_edge.rendering.drawn_face import DrawnFace, draw_face
from asmnet_edge.runtime import detector, haar
from asmnet_edge.runtime.artifact import Artifact
from asmnet_edge.runtime.detector import (
    DETECTORS,
    DetectorOptions,
    FaceDetector,
    prepare_detector,
    whole_picture,
)
from asmnet_edge.runtime.haar import detect_haar, haar_boxes
from asmnet_edge.runtime.landmarker import FaceLandmarker
from asmnet_edge.runtime.pipeline import Pipeline, PipelineOptions


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def share(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(0.0, width) * max(0.0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def square_of(face: DrawnFace) -> Box:
    """The square that the crop rule makes of the landmarks' box."""
    box = face.landmarks.box
    side = max(box.width, box.height)
    x, y = box.centre
    return Box(x - side / 2, y - side / 2, side, side)


# the whole picture


def test_the_crop_of_a_square_picture_is_the_picture() -> None:
    picture = noise(96, 96)
    rule = CropRule(size=96)
    (box,) = whole_picture(picture)
    assert (cut(picture, rule.matrix(box), 96) == picture).all()


@pytest.mark.parametrize(("height", "width"), [(60, 100), (100, 60)])
def test_the_crop_of_a_rectangular_picture_is_its_middle(height: int, width: int) -> None:
    picture = noise(height, width)
    (box,) = whole_picture(picture)
    top, left = (height - 60) // 2, (width - 60) // 2
    middle = picture[top : top + 60, left : left + 60]
    assert (cut(picture, CropRule(size=60).matrix(box), 60) == middle).all()


# Haar

FRONTAL = [
    seed for seed in range(24) if (np.abs(draw_face(seed).pose) < [20, 15, 15]).all()
]  # what its cascade was made for


@pytest.fixture(scope="module")
def found() -> list[tuple[DrawnFace, list[Box]]]:
    """Drawn frontal faces and what the detector finds in them."""
    faces = [draw_face(seed) for seed in FRONTAL]
    return [(face, detect_haar(face.picture)) for face in faces]


def test_most_drawn_faces_are_found(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    assert len(found) >= 6
    assert np.mean([len(boxes) > 0 for _, boxes in found]) > 0.8


def test_the_box_lies_where_the_landmarks_do(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    shares = [share(boxes[0], square_of(face)) for face, boxes in found if boxes]
    assert np.median(shares) > 0.75
    assert min(shares) > 0.5


def test_boxes_are_squares(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    assert all(box.width == box.height for _, boxes in found for box in boxes)


def test_a_picture_without_a_face_has_no_box() -> None:
    assert detect_haar(np.full((120, 160, 3), 128, np.uint8)) == []


def test_two_faces_come_largest_first(found: list[tuple[DrawnFace, list[Box]]]) -> None:
    seed = next(s for s, (_, boxes) in zip(FRONTAL, found, strict=True) if len(boxes) == 1)
    picture = np.full((320, 520, 3), 128, np.uint8)
    picture[:200, :200] = draw_face(seed, 200).picture
    picture[:320, 200:] = draw_face(seed, 320).picture
    small, large = square_of(draw_face(seed, 200)), square_of(draw_face(seed, 320))
    first, second = detect_haar(picture)
    assert share(first, Box(large.x + 200, large.y, large.width, large.height)) > 0.6
    assert share(second, small) > 0.6


def test_a_large_picture_is_searched_at_a_smaller_scale(
    found: list[tuple[DrawnFace, list[Box]]],
) -> None:
    seed = next(s for s, (_, boxes) in zip(FRONTAL, found, strict=True) if len(boxes) == 1)
    face = draw_face(seed, 1280)
    (box,) = detect_haar(face.picture)
    assert share(box, square_of(face)) > 0.6


def test_a_shrunk_box_comes_back_to_the_pixel() -> None:
    # twice as large a picture of doubled pixels: edges double, and so does all between them
    face = draw_face(FRONTAL[0], 640).picture
    once = haar_boxes(face)
    twice = haar_boxes(face.repeat(2, axis=0).repeat(2, axis=1))
    assert once
    for small, large in zip(once, twice, strict=True):
        assert (large.width, large.height) == (2 * small.width, 2 * small.height)
        # the edge before pixel 0 lies at -0.5 in both
        assert (large.x + 0.5, large.y + 0.5) == (2 * (small.x + 0.5), 2 * (small.y + 0.5))


def test_detectors_are_opened_by_name() -> None:
    picture = draw_face(FRONTAL[0]).picture
    assert FaceDetector("haar").detect(picture) == detect_haar(picture)
    assert FaceDetector("none").detect(picture) == whole_picture(picture)
    with pytest.raises(UsageError, match=r"no detector 'eyes'. Known: haar, yunet, none"):
        prepare_detector("eyes")


def test_a_toy_detector_is_one_module_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy_detector.py").write_text(
        "from asmnet_edge.geometry.landmarks import Box\n"
        "def prepare(options):\n"
        "    return lambda: lambda image: [Box(40, 60, 150, 150)]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(detector, "DETECTORS", {**DETECTORS, "toy": "toy_detector"})
    picture = draw_face(1).picture
    assert FaceDetector("toy").detect(picture) == [Box(40, 60, 150, 150)]
    with Pipeline(PipelineOptions(detector="toy")) as pipeline:
        write_image(tmp_path / "face.png", picture)
        (result,) = pipeline.images([tmp_path / "face.png"])
    assert result.faces[0].box == Box(40, 60, 150, 150)


def test_without_a_detector_the_model_margin_holds(
    artifact: Callable[..., Artifact],
) -> None:
    # a network that expects twice the face: the crop is the middle square all the same
    fake = artifact(lambda crop: np.random.default_rng(0).random((68, 2)))
    wide = replace(fake.manifest, crop={"margin": 2.0, "size": 64})
    picture = noise(64, 100)
    options = DetectorOptions(margin=wide.crop_rule.margin)
    landmarker = FaceLandmarker(replace(fake, manifest=wide), FaceDetector("none", options), False)
    landmarker.detect(picture)
    (crop,) = fake.backend.crops
    assert (crop[0] == picture[:, 18:82, ::-1]).all()


def test_a_face_holds_no_faces() -> None:
    large, inside, beside = Box(0, 0, 100, 100), Box(30, 30, 20, 20), Box(95, 0, 50, 50)
    assert haar._without_nested([large, beside, inside]) == [large, beside]
