"""Fit the 3-D mean face, which poses are fitted with, to the 2-D shapes of training faces.

    python scripts/fit_mean_face.py --data DATA --output asmnet_edge/assets/mean_face_68.csv

Structure from motion with one rigid, left-right symmetric head for all people. Two steps alternate:
the pose of every face given the head, and the head given all poses (linear least squares; Tomasi &
Kanade, IJCV 1992, with a calibrated weak-perspective camera). The landmarks of the jaw slide along
the outline when the head turns, so their positions are taken from nearly frontal faces and their
depths from a half ellipse.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from asmnet_edge.datasets.csv_table import LandmarkTable
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.geometry import pose
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.geometry.shape_model import normalise

ROUNDS = 400
FRONTAL = 8.0  # largest yaw, in degrees, of the faces that the jaw is taken from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    shapes = normalise(training_shapes(options.data))
    face, poses = fit(shapes)
    print(f"{len(shapes)} faces; |yaw| mean {np.abs(poses[:, 0]).mean():.1f} degrees")
    header = (
        "3-D mean face, iBUG 68 points: x right, y down, z away; inter-ocular distance 1.\n"
        "Made by scripts/fit_mean_face.py from 300W and YouTube-Faces training shapes."
    )
    np.savetxt(options.output, face, fmt="%.4f", delimiter=",", header=header)


def training_shapes(root: Path) -> FloatArray:
    datasets = [W300(root / "300w"), LandmarkTable(root / "ytf" / "train.csv")]
    samples = [s for dataset in datasets for s in dataset.samples("train")]
    return np.stack([s.landmarks.points for s in samples])


def fit(shapes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean face (68, 3) and the pose (faces, 3) of every shape (faces, 68, 2)."""
    still = pose.rigid_points()
    face = symmetric(first_guess(shapes))
    for _ in range(ROUNDS):
        turn, scale, _ = pose.fit_weak_perspective(shapes[:, still], face[still])
        face = symmetric(solve_face(shapes, turn, scale, still))
    poses = pose.angles(turn)
    face = jaw_from_frontal(face, shapes, turn, scale, np.abs(poses[:, 0]) < FRONTAL)
    return unit(face), poses


def first_guess(shapes: FloatArray) -> FloatArray:
    """Return the mean shape bent over a cylinder; its nose distinguishes left from right."""
    flat = shapes.mean(axis=0)
    depth = 1.5 * (flat[:, 0] - flat[:, 0].mean()) ** 2
    depth[27:31] -= np.linspace(0.03, 0.2, 4)
    depth[31:36] -= 0.1
    return np.column_stack([flat, depth])


def solve_face(
    shapes: FloatArray, turn: FloatArray, scale: FloatArray, still: list[int]
) -> FloatArray:
    """Solve s R[:2] X_j = p_ij - t_i by least squares over faces i, for each point j."""
    camera = scale[:, None, None] * turn[:, :2]  # (faces, 2, 3)
    centred = shapes - shapes[:, still].mean(axis=1, keepdims=True)
    normal = np.einsum("fij,fik->jk", camera, camera)
    right = np.einsum("fij,fni->nj", camera, centred)
    return np.linalg.solve(normal, right.T).T


def symmetric(face: FloatArray) -> FloatArray:
    face = face - [face[:, 0].mean(), 0, 0]
    return (face + face[IBUG68.flip] * [-1, 1, 1]) / 2


def jaw_from_frontal(
    face: FloatArray, shapes: FloatArray, turn: FloatArray, scale: FloatArray, frontal: FloatArray
) -> FloatArray:
    jaw, still = list(range(17)), pose.rigid_points()
    seen = shapes[frontal] - shapes[frontal][:, still].mean(axis=1, keepdims=True)
    # only roll and scale are undone: yaw and pitch average out over frontal faces
    roll = pose.angles(turn[frontal]) * [0, 0, 1]
    upright = (
        np.einsum("fji,fnj->fni", pose.rotation(roll)[:, :2, :2], seen) / scale[frontal, None, None]
    )
    face[jaw, :2] = upright[:, jaw].mean(axis=0) + face[still, :2].mean(axis=0)
    half_width = np.abs(face[jaw, 0]).max()
    outwards = np.abs(face[jaw, 0]) / half_width
    ear_depth = face[[36, 45], 2].mean() + 0.9 * half_width
    chin_depth = face[57, 2] + 0.1 * half_width
    face[jaw, 2] = ear_depth + (chin_depth - ear_depth) * np.sqrt(1 - outwards**2 * 0.999)
    return symmetric(face)


def unit(face: FloatArray) -> FloatArray:
    eyes = face[list(IBUG68.eyes[0] + IBUG68.eyes[1])].mean(axis=0)
    return (face - eyes) / np.linalg.norm(face[36] - face[45])


if __name__ == "__main__":
    main()
