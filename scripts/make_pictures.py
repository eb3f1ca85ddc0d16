"""Draw the sample picture and the pictures of README and docs.

All of them show drawn faces, so that the repository holds no photo of a person.

python scripts/make_pictures.py docs/pictures
python scripts/make_pictures.py docs/pictures --sample asmnet_edge/assets/sample.jpg
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from asmnet_edge.geometry.landmarks import Landmarks
from asmnet_edge.geometry.pose import mean_face, rotation
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import sample_picture
from asmnet_edge.io.images import Picture, read_image, write_image
from asmnet_edge.rendering.drawn_face import draw_person
from asmnet_edge.rendering.head import head_of, view_of
from asmnet_edge.rendering.traits import sample_build, sample_look
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
from asmnet_edge.runtime.sinks import draw_faces

POSES = (("yaw +35", (35, 0, 0)), ("pitch +25", (0, 25, 0)), ("roll +25", (0, 0, 25)))

SCENE = (960, 560)  # width, height in pixels
TILE = 620  # side of the square that one person is drawn in, pixels
FACE = 0.15  # inter-ocular distance, as a share of the tile's side
WALL = ([214, 206, 196], [176, 170, 166])  # BGR at the top and at the bottom


@dataclass(frozen=True)
class Person:
    """One person of the sample scene.

    seed : identity and look; corner : left, top of the tile in pixels; pose : degrees
    """

    seed: int
    corner: tuple[int, int]
    pose: tuple[float, float, float]


# the people at the back come first
PEOPLE = (
    Person(13, (40, -30), (12, 0, -4)),
    Person(7, (300, -50), (-20, 5, 6)),
    Person(3, (-170, 60), (-15, -3, 8)),
    Person(22, (520, 30), (18, 4, -8)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sample", type=Path, help="also write the sample picture to this path")
    options = parser.parse_args()
    folder = options.folder
    if options.sample:
        write_image(options.sample, sample_scene())
    write_image(folder / "sample-faces.jpg", found_in(read_image(sample_picture())))
    write_image(folder / "pose.png", np.hstack([posed(*pose) for pose in POSES]))


def sample_scene() -> Picture:
    """Return four drawn people in front of a plain wall: (height, width, 3) uint8 BGR."""
    width, height = SCENE
    wall = np.linspace(*WALL, height).round().astype(np.uint8)
    scene = np.repeat(wall[:, None], width, axis=1)
    for person in PEOPLE:
        _add(scene, person)
    soft = cv2.GaussianBlur(scene, (0, 0), 0.6)
    noise = np.random.default_rng(1).normal(0, 1.5, soft.shape)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def _add(scene: Picture, person: Person) -> None:
    """Draw ``person`` into ``scene``, in place; parts beyond the edges are cut off."""
    rng = np.random.default_rng(person.seed)
    build = replace(
        sample_build(rng), pose=np.array(person.pose), scale=FACE, centre=np.array([0.5, 0.42])
    )
    (left, top), border = person.corner, TILE
    padded = cv2.copyMakeBorder(scene, *[border] * 4, cv2.BORDER_REPLICATE)
    rows, columns = (slice(border + at, border + at + TILE) for at in (top, left))
    tile = padded[rows, columns].copy()
    draw_person(tile, head_of(build), view_of(build, TILE), sample_look(rng), rng)
    padded[rows, columns] = tile
    scene[:] = padded[border:-border, border:-border]


def found_in(picture: Picture) -> Picture:
    """Return ``picture`` with the faces that the shipped int8 model finds in it."""
    return draw_faces(picture, FaceLandmarker.open().detect(picture))


def posed(title: str, angles: tuple[float, float, float]) -> Picture:
    """Return a picture (300, 300, 3) of the mean face rotated by ``angles``, with its axes."""
    canvas = np.full((300, 300, 3), 40, np.uint8)
    pose = np.array(angles, float)
    points = 130 * (mean_face() @ rotation(pose).T)[:, :2] + [150, 115]
    landmarks = Landmarks(points, IBUG68)
    drawn = draw_faces(canvas, [Face(landmarks, pose, landmarks.box)])
    text = (title, (12, 284), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (230, 230, 230), 1, cv2.LINE_AA)
    return cv2.putText(drawn, *text)  # type: ignore[return-value]


if __name__ == "__main__":
    main()
