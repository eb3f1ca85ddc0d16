"""The pose that is linear in landmarks: near the fitted one on faces that it was not made from."""

import numpy as np
import pytest

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import bounding_box
from asmnet_edge.geometry.schemes import WFLW98, LandmarkScheme
from asmnet_edge.importers import adaptation
from asmnet_edge.importers.adaptation import LinearPose


@pytest.fixture(scope="module")
def linear() -> LinearPose:
    patch = pytest.MonkeyPatch()
    patch.setattr(adaptation, "FACES", 60)
    patch.setattr(adaptation, "OTHERS", 15)
    fitted = LinearPose.fit(WFLW98, CropRule(size=96))
    patch.undo()
    return fitted


def test_a_scheme_without_a_map_to_the_mean_face_is_refused(square_scheme: LandmarkScheme) -> None:
    with pytest.raises(ModelError, match=r"none can be fitted to square4.*to_ibug68"):
        LinearPose.fit(square_scheme, CropRule(size=96))


def test_it_is_near_on_other_faces(linear: LinearPose) -> None:
    assert 0 < linear.error < 5  # their angles spread by 13 degrees
    assert linear.matrix.shape == (2 * WFLW98.points, 3)
    jaw = 2 * np.array(WFLW98.groups["jaw"])
    assert not linear.matrix[jaw].any()


def test_a_turned_head_has_the_sign_of_its_turn(linear: LinearPose, face_points) -> None:
    rule, order = CropRule(size=96), list(WFLW98.to_ibug68)
    for pose in ([20.0, 0, 0], [0.0, 12, 0], [0.0, 0, 12], [-15.0, -8, -8]):
        points = face_points(pose)
        wide = np.zeros((WFLW98.points, 2))
        box = bounding_box(points)
        wide[order] = (points - box.centre) / (rule.margin * max(box.width, box.height)) + 0.5
        found = wide.ravel() @ linear.matrix + linear.offset
        np.testing.assert_allclose(found, pose, atol=10)
