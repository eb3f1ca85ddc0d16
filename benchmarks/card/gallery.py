"""Turned heads in one picture: drawn faces over the whole range of yaw, with a model's results.

Each row is one head, each column a yaw. The model starts with the tight box of the landmarks, as
the runtime does. Only drawn faces are shown: pictures of people must not be published.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from asmnet_edge.benchmarks.evaluation.evaluated import EvaluatedModel
from asmnet_edge.benchmarks.evaluation.tilt import Search, search_all, turned_picture
from asmnet_edge.crop import CropRule, cut, transform
from asmnet_edge.data.sample import Sample
from asmnet_edge.data.synthetic import FIRST, draw_face
from asmnet_edge.drawing import CAPTION, SHEET, contact_sheet, draw_landmarks, draw_pose
from asmnet_edge.landmarks import FloatArray, Landmarks, bounding_box
from asmnet_edge.pictures import Picture, write_picture
from asmnet_edge.pose import turned

YAWS = (-80, -60, -30, 0, 30, 60, 80)
ROWS = ((0, 0), (25, 0), (-25, 0), (0, 45), (0, 90))  # pitch, and by how much the picture is turned
TILE = CropRule(margin=1.6, size=172)
LEGEND = 24  # pixels of height
WORDS = (
    "below each: exact yaw, pitch, roll > found ones; drawn: what was found; axes: blue out of the "
    "face, red to its left, green down"
)


@dataclass(frozen=True)
class TurnedHead:
    """A picture with one drawn face, of which a model gets the tight box of the landmarks.

    points : (68, 2) exact landmarks in pixels; pose : (3,) exact, in the picture's frame
    """

    picture: Picture
    points: FloatArray
    pose: FloatArray


def write_gallery(model: EvaluatedModel, path: Path) -> None:
    """Write the contact sheet of ``model``, a network of 68 points, to ``path``."""
    heads = turned_heads()
    searches = [Search(h.picture, model.crop, bounding_box(h.points)) for h in heads]
    search_all(model, searches)
    tiles = [_tile(h, s) for h, s in zip(heads, searches, strict=True)]
    poses = zip((h.pose for h in heads), (s.pose for s in searches), strict=True)
    captions = [f"{_angles(exact)} > {_angles(found)}" for exact, found in poses]
    sheet = contact_sheet(tiles, captions, len(YAWS))
    write_picture(path, np.concatenate([_legend(sheet.shape[1]), sheet]))


@cache
def turned_heads() -> tuple[TurnedHead, ...]:
    """Return the heads of the sheet row by row; each row is one of the drawn test faces."""
    return tuple(
        _head((0, FIRST["test"] + row), np.array([yaw, pitch, 0.0]), clockwise)
        for row, (pitch, clockwise) in enumerate(ROWS)
        for yaw in YAWS
    )


def _head(seed: tuple[int, int], pose: FloatArray, clockwise: float) -> TurnedHead:
    face = draw_face(seed, wide=True, pose=pose)
    sample = Sample("drawn", "drawn", lambda: face.picture, face.landmarks, pose, drawn=True)
    picture, points = turned_picture(sample, face.picture, clockwise)
    return TurnedHead(picture, points, turned(pose, clockwise))


def _tile(head: TurnedHead, search: Search) -> Picture:
    """Draw the landmarks and pose axes that were found into the face."""
    matrix, found = TILE.matrix(bounding_box(head.points)), search.seen[-1]
    canvas = cut(head.picture, matrix, TILE.size)
    landmarks = Landmarks(transform(found.points, matrix), found.scheme)
    draw_landmarks(canvas, landmarks)
    draw_pose(canvas, landmarks, search.pose)
    return canvas


def _angles(pose: FloatArray) -> str:
    return " ".join(f"{round(float(angle)):d}" for angle in pose)


def _legend(width: int) -> Picture:
    """Strip (LEGEND, width, 3) that explains captions and axes."""
    strip = np.full((LEGEND, width, 3), SHEET, np.uint8)
    font, line = cv2.FONT_HERSHEY_DUPLEX, cv2.LINE_AA
    cv2.putText(strip, WORDS, (6, LEGEND - 7), font, 0.45, CAPTION, 1, line)
    return strip
