"""The sensitivity to the box: what a model does that never looks, and one that always does."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from asmnet_edge.benchmarks.callable_model import BatchBackend, CallableModel
from asmnet_edge.benchmarks.evaluation.robustness import (
    CURVES,
    Displacement,
    every_kth,
    sensitivity,
)
from asmnet_edge.benchmarks.record_types import ModelDescription
from asmnet_edge.datasets.sample import Sample
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import Box, Landmarks
from asmnet_edge.geometry.schemes import LandmarkScheme

RULE = CropRule(margin=2.0, size=64)
# a square face of 40 pixels: the crop's side is 80, the eyes are 40 apart
CORNERS = np.array([[30.0, 40], [70, 40], [70, 80], [30, 80]])
RELATIVE = np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]])


@pytest.fixture
def sample(square_scheme: LandmarkScheme, draw_dot: Callable) -> Sample:
    """The square face with a dot in its middle."""
    picture = draw_dot((50, 60), 120, 110, radius=4)
    return Sample("square", "square", lambda: picture, Landmarks(CORNERS, square_scheme))


def model_of(answer: Callable[[np.ndarray], np.ndarray], scheme: LandmarkScheme) -> CallableModel:
    def predict(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.stack([answer(crop) for crop in crops]), np.zeros((len(crops), 3))

    return CallableModel(ModelDescription(name="fake"), BatchBackend("fake", predict), RULE, scheme)


def unwatched() -> None:
    """Progress that nobody sees."""


def curves_of(model: CallableModel, samples: Sequence[Sample]) -> dict[str, dict[float, float]]:
    curves = sensitivity(model, samples, unwatched)["curves"]
    return {name: dict(zip(c["by"], c["nme"], strict=True)) for name, c in curves.items()}


def test_a_model_that_ignores_its_input_pays_for_all_of_a_shift(
    sample: Sample, square_scheme: LandmarkScheme
) -> None:
    curves = curves_of(model_of(lambda crop: RELATIVE, square_scheme), [sample])
    for name in ("shift_x", "shift_y"):
        for by, nme in curves[name].items():
            # by of the crop's 80 pixels, over the 40 between the eyes
            assert nme == pytest.approx(100 * abs(by) * 80 / 40, abs=1e-9)


def test_a_model_that_ignores_its_input_pays_for_scale_and_rotation(
    sample: Sample, square_scheme: LandmarkScheme
) -> None:
    curves = curves_of(model_of(lambda crop: RELATIVE, square_scheme), [sample])
    far = 20 * np.sqrt(2)  # each corner from the middle
    for by, nme in curves["scale"].items():
        assert nme == pytest.approx(100 * abs(by - 1) * far / 40, abs=1e-9)
    for by, nme in curves["rotation"].items():
        chord = 2 * np.sin(np.deg2rad(abs(by)) / 2) * far
        assert nme == pytest.approx(100 * chord / 40, abs=1e-9)


def test_a_model_that_follows_the_face_does_not_mind_a_shift(
    sample: Sample, square_scheme: LandmarkScheme, find_dot: Callable
) -> None:
    def follow(crop: np.ndarray) -> np.ndarray:
        return RELATIVE - 0.5 + (find_dot(crop) + 0.5) / RULE.size

    curves = curves_of(model_of(follow, square_scheme), [sample])
    assert max(max(curves[name].values()) for name in ("shift_x", "shift_y")) < 0.5
    # it does not turn with the face
    assert curves["rotation"][40.0] > 20


def test_an_undisturbed_crop_is_that_of_the_rule() -> None:
    box = Box(30, 40, 40, 20)
    np.testing.assert_array_equal(Displacement().matrix(box, RULE), RULE.matrix(box))


def test_every_curve_holds_the_undisturbed_crop_in_its_order(
    sample: Sample, square_scheme: LandmarkScheme
) -> None:
    found = sensitivity(model_of(lambda crop: RELATIVE + 0.01, square_scheme), [sample], unwatched)
    still = {"shift_x": 0.0, "shift_y": 0.0, "scale": 1.0, "rotation": 0.0}
    for name, curve in found["curves"].items():
        assert curve["by"] == sorted(CURVES[name])
        # 0.01 of the crop in x and in y, over half of it
        at_rest = curve["nme"][curve["by"].index(still[name])]
        assert at_rest == pytest.approx(100 * 0.01 * np.sqrt(2) / 0.5)


def test_the_mean_is_over_faces_and_each_is_counted(
    sample: Sample, square_scheme: LandmarkScheme
) -> None:
    answers = iter([RELATIVE] * 33 + [RELATIVE + [0.05, 0]] * 33)
    ticks: list[int] = []
    model = model_of(lambda crop: next(answers), square_scheme)
    found = sensitivity(model, [sample, sample], lambda: ticks.append(1))
    assert (found["faces"], len(ticks)) == (2, 2)
    curve = found["curves"]["shift_x"]
    assert curve["nme"][4] == pytest.approx((0 + 10) / 2)


@pytest.mark.parametrize(
    ("count", "first"),
    [(1, [0]), (5, [0, 1, 2]), (10, [0, 1, 2]), (11, [0, 2, 4]), (29, [0, 3, 6])],
)
def test_at_most_so_many_faces_evenly_spread(count: int, first: list[int]) -> None:
    chosen = every_kth(range(count), 10)
    assert len(chosen) <= 10
    assert list(chosen[:3]) == first
