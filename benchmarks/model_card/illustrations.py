"""Pictures of a card: curves drawn from its figures, and drawn heads with a model's results.

None shows a real face, as pictures of people must not be published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from asmnet_edge.benchmarks.callable_model import CallableModel
from asmnet_edge.benchmarks.evaluation.plots import LINES, draw_sensitivity
from asmnet_edge.benchmarks.evaluation.robustness import Search, search_all, turned_picture
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.datasets.synthetic import FIRST
from asmnet_edge.geometry.crop import CropRule, cut, transform
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks, bounding_box
from asmnet_edge.geometry.pose import turned
from asmnet_edge.io.display import new_figure, save_figure
from asmnet_edge.io.drawing import CAPTION, SHEET, contact_sheet, draw_landmarks, draw_pose
from asmnet_edge.io.images import Picture, write_image
from asmnet_edge.rendering.drawn_face import draw_face

CURVES = "ced.png"
OURS = re.compile(r"ced\.png|.+-(sensitivity|training)\.png|.+-(drawn|turned)\.jpg")


def stem(section: Mapping[str, Any]) -> str:
    """Return the beginning of the names of a model's pictures."""
    return Path(section["name"]).stem


def sensitivity_file(section: Mapping[str, Any]) -> str:
    return f"{stem(section)}-sensitivity.png"


def training_file(section: Mapping[str, Any]) -> str:
    return f"{stem(section)}-training.png"


def drawn_file(section: Mapping[str, Any]) -> str:
    """Name of the picture of the worst drawn faces, drawn while the model is measured."""
    return f"{stem(section)}-drawn.jpg"


def turned_file(section: Mapping[str, Any]) -> str:
    """Name of the picture of turned heads, drawn while the model is measured."""
    return f"{stem(section)}-turned.jpg"


def files_of(card: Mapping[str, Any]) -> set[str]:
    """Return the names of all pictures of ``card``."""
    found = {CURVES}
    for section in card["models"]:
        files = (
            (sensitivity_file, section["sensitivity"]),
            (training_file, section["log"]),
            (drawn_file, section["drawn"]),
            (turned_file, section.get("wide")),
        )
        found |= {name(section) for name, there in files if there}
    return found


def draw_pictures(card: Mapping[str, Any], folder: Path) -> None:
    """Write the curves of all models and, for each, sensitivity and training into ``folder``.

    Pictures of models that are no longer in the card are removed.
    """
    draw_curves(card, folder / CURVES)
    for section in card["models"]:
        if section["sensitivity"]:
            content = {"model": {"name": section["name"]}, "sensitivity": section["sensitivity"]}
            draw_sensitivity(content, folder / sensitivity_file(section))
        if section["log"]:
            draw_training(section, folder / training_file(section))
    for path in folder.iterdir():
        if OURS.fullmatch(path.name) and path.name not in files_of(card):
            path.unlink()


def draw_curves(card: Mapping[str, Any], path: Path) -> None:
    """Draw the cumulative error curve of each model and subset."""
    figure, axis = new_figure()
    for section, line in zip(card["models"], cycle(LINES)):
        for row in section["subsets"]:
            at, share = row["curve"]["at"], row["curve"]["share"]
            label = f"{stem(section)}, {row['name']} ({row['faces']} faces)"
            shown = [100 * value for value in share]
            axis.step(at, shown, where="post", label=label, linestyle=line)
    axis.set(xlim=(0, card["models"][0]["failure_threshold_percent"]), ylim=(0, 100))
    axis.set(xlabel="NME, % of the inter-ocular distance", ylabel="faces, %")
    axis.legend(fontsize="small")
    save_figure(figure, path)


def draw_training(section: Mapping[str, Any], path: Path) -> None:
    """Draw loss and validation NME over the steps of all runs; a dotted line ends each."""
    log = section["log"]
    figure, axes = new_figure(1, 2, inches=(9.6, 3.6))
    for axis, key, label in zip(
        axes.flat, ("loss", "validation"), ("loss", "validation NME, %"), strict=True
    ):
        if log[key]:
            axis.plot(
                *zip(*log[key], strict=True), marker="o" * (key == "validation"), markersize=3
            )
        axis.set(xlabel="step", ylabel=label)
        end = 0
        for part in log["parts"][:-1]:
            end += part["steps"]
            axis.axvline(end, color="grey", linestyle=":")
    axes.flat[0].set_yscale("log")
    axes.flat[1].set_ylim(bottom=0)
    figure.suptitle(f"{section['name']}: training")
    save_figure(figure, path)


# Turned heads in one picture: drawn faces over the whole range of yaw, with a model's results

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


def write_gallery(model: CallableModel, path: Path) -> None:
    """Write the contact sheet of ``model``, a network of 68 points, to ``path``.

    Each row shows one head, each column one yaw. The model starts with the tight box of the
    landmarks, as the runtime does with a detector's box.
    """
    heads = turned_heads()
    searches = [Search(h.picture, model.crop, bounding_box(h.points)) for h in heads]
    search_all(model, searches)
    tiles = [_tile(h, s) for h, s in zip(heads, searches, strict=True)]
    poses = zip((h.pose for h in heads), (s.pose for s in searches), strict=True)
    captions = [f"{_angles(exact)} > {_angles(found)}" for exact, found in poses]
    sheet = contact_sheet(tiles, captions, len(YAWS))
    write_image(path, np.concatenate([_legend(sheet.shape[1]), sheet]))


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
