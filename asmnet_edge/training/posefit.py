"""Head pose of a network that gives landmarks alone: a linear function fitted to drawn faces.

pose = A p + c by least squares, p the rigid points of drawn faces in crops, towards the pose that
`asmnet_edge.pose.fit_pose` finds for each. For a head that is turned far, landmarks are not linear
in its angles: the mean error states what that costs. No picture is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asmnet_edge.crop import CropRule, to_relative, transform
from asmnet_edge.data.synthetic import DrawnFaces
from asmnet_edge.errors import ModelError
from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pose import fit_pose, rigid_points
from asmnet_edge.schemes import LandmarkScheme

FACES, OTHERS = 400, 150
CROPS = 8  # of each face, every one cut another way
SIZE = 256  # pixels of the drawn pictures
NOISE = 0.004  # of the crop's side: a network's points are not exact
SHIFT, SCALE = 0.04, 0.08  # standard deviations, as a detector's boxes lie


@dataclass(frozen=True)
class LinearPose:
    """Linear function from landmarks relative to the crop, x0, y0, x1, ..., to pose in degrees.

    matrix : (2n, 3); offset : (3,); error : mean over faces and axes on other drawn faces, degrees
    """

    matrix: FloatArray
    offset: FloatArray
    error: float

    @classmethod
    def fit(cls, scheme: LandmarkScheme, rule: CropRule) -> LinearPose:
        """Fit to crops by ``rule``; `ModelError` unless ``scheme`` maps to iBUG's 68 points."""
        if not scheme.to_ibug68:
            raise ModelError(
                f"it gives no pose, and none can be fitted to {scheme.name} landmarks",
                "Import a network with an output pose, or set LandmarkScheme.to_ibug68",
            )
        points, pose = _shapes(FACES, 0, rule)
        features = np.column_stack([points, np.ones(len(points))])
        weights = np.linalg.lstsq(features, pose, rcond=None)[0]
        others, truth = _shapes(OTHERS, 1, rule)
        error = np.abs(others @ weights[:-1] + weights[-1] - truth).mean()
        matrix = np.zeros((scheme.points, 2, 3))
        rigid = [scheme.to_ibug68[i] for i in rigid_points()]
        matrix[rigid] = weights[:-1].reshape(-1, 2, 3)
        return cls(matrix.reshape(-1, 3), weights[-1], float(error))


def _shapes(count: int, seed: int, rule: CropRule) -> tuple[FloatArray, FloatArray]:
    """Rigid points (crops, 2 x points) of ``count`` drawn faces in jittered crops, and poses."""
    rng = np.random.default_rng(seed)
    faces = DrawnFaces(count, seed, SIZE).samples("train")
    whole = np.stack([_in_crop(face.landmarks, rule) for face in faces])
    pose, points = fit_pose(whole), np.repeat(whole[:, rigid_points()], CROPS, axis=0)
    points = (points - 0.5) * np.exp(rng.normal(0, SCALE, (len(points), 1, 1))) + 0.5
    points += rng.normal(0, SHIFT, (len(points), 1, 2)) + rng.normal(0, NOISE, points.shape)
    return points.reshape(len(points), -1), np.repeat(pose, CROPS, axis=0)


def _in_crop(landmarks: Landmarks, rule: CropRule) -> FloatArray:
    return to_relative(transform(landmarks.points, rule.matrix(landmarks)), rule.size)
