"""Draw the pictures of README and docs: drawn faces, so that nobody's photo is in the repository.

python scripts/make_pictures.py docs/pictures
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from asmnet_edge.data.synthetic import draw_face
from asmnet_edge.landmarks import Landmarks
from asmnet_edge.pictures import Picture, write_picture
from asmnet_edge.pose import mean_face, rotation
from asmnet_edge.runtime.draw import draw_faces
from asmnet_edge.runtime.landmarker import Face, FaceLandmarker
from asmnet_edge.schemes import IBUG68

FACES = (3, 13, 7, 22)  # seeds
POSES = (("yaw +35", (35, 0, 0)), ("pitch +25", (0, 25, 0)), ("roll +25", (0, 0, 25)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write_picture(folder / "faces.jpg", found_faces())
    write_picture(folder / "pose.png", np.hstack([posed(*pose) for pose in POSES]))


def found_faces() -> Picture:
    """Drawn faces side by side, with what the shipped int8 model finds in them."""
    landmarker = FaceLandmarker.open()
    pictures = [draw_face(seed, 320).picture for seed in FACES]
    return np.hstack([draw_faces(p, landmarker.detect(p)) for p in pictures])


def posed(title: str, angles: tuple[float, float, float]) -> Picture:
    """The mean face turned by ``angles``, with its axes."""
    canvas = np.full((300, 300, 3), 40, np.uint8)
    pose = np.array(angles, float)
    points = 130 * (mean_face() @ rotation(pose).T)[:, :2] + [150, 115]
    landmarks = Landmarks(points, IBUG68)
    drawn = draw_faces(canvas, [Face(landmarks, pose, landmarks.box)])
    text = (title, (12, 284), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (230, 230, 230), 1, cv2.LINE_AA)
    return cv2.putText(drawn, *text)  # type: ignore[return-value]


if __name__ == "__main__":
    main()
