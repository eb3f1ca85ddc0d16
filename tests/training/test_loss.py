"""The ASM-assisted loss: the same numbers as NumPy gives, and a slope everywhere."""

import keras
import numpy as np
import pytest

from asmnet_edge.errors import UsageError
from asmnet_edge.geometry.crop import crop_matrix, to_relative, transform
from asmnet_edge.geometry.shape_model import PointDistributionModel
from asmnet_edge.training.loss import DISTANCES, SCHEDULES, AsmAssistedLoss
from asmnet_edge.training.model_facts import TargetScaling

FACES, POINTS = 3, 5
BY_HAND = {
    "absolute": lambda g, p: np.abs(g - p).mean(),
    "squared": lambda g, p: ((g - p) ** 2).mean(),
    "norm": lambda g, p: np.linalg.norm((g - p).reshape(len(g), -1), axis=1).mean(),
    "euclidean": lambda g, p: np.linalg.norm(g - p, axis=2).mean(),
}
EACH_DISTANCE = pytest.mark.parametrize("distance", BY_HAND)


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    """Sixty shapes of five points whose coordinates hang together."""
    rng = np.random.default_rng(0)
    modes = rng.normal(size=(10, 10)) * np.linspace(1, 0.05, 10)[:, None]
    return (0.1 * rng.normal(size=(60, 10)) @ modes).reshape(60, POINTS, 2)


@pytest.fixture(scope="module")
def model(shapes: np.ndarray) -> PointDistributionModel:
    return PointDistributionModel.fit(shapes, 0.9)


@pytest.fixture(scope="module")
def scaling() -> TargetScaling:
    mean = np.random.default_rng(1).uniform(0.2, 0.8, (POINTS, 2))
    return TargetScaling(mean, 0.07, np.zeros(3), np.ones(3))


@pytest.fixture(scope="module")
def batch(shapes: np.ndarray, scaling: TargetScaling) -> dict[str, np.ndarray]:
    """Three faces, each turned, scaled and shifted; predictions that are somewhat off."""
    rng = np.random.default_rng(2)
    shape = 3 * shapes[:FACES]  # beyond three standard deviations here and there
    crops = [crop_matrix((0.1 * i, -0.1), 1.5, 64, rotation=25 * i - 20) for i in range(FACES)]
    landmarks = [to_relative(transform(s, m), 64) for s, m in zip(shape, crops, strict=True)]
    frame = [m / 64 + np.array([[0, 0, 0.5 / 64]] * 2) for m in crops]
    target, _ = scaling.standardise(np.stack(landmarks), np.zeros((FACES, 3)))
    predicted = target + rng.normal(0, 0.4, target.shape)
    parts = {"shape": shape, "frame": np.stack(frame), "target": target, "predicted": predicted}
    return {name: part.astype("f4") for name, part in parts.items()}


def value(assisted: AsmAssistedLoss, batch: dict[str, np.ndarray], weight: float) -> float:
    return float(keras.ops.convert_to_numpy(assisted(**batch, weight=weight)))


def slope(assisted: AsmAssistedLoss, batch: dict[str, np.ndarray], weight: float) -> np.ndarray:
    """The gradient for the prediction, (B, n, 2)."""
    import tensorflow as tf

    predicted = tf.Variable(batch["predicted"])
    with tf.GradientTape() as tape:
        loss = assisted(**{**batch, "predicted": predicted}, weight=weight)
    return tape.gradient(loss, predicted).numpy()


def test_the_operator_is_that_of_the_shape_model(
    model: PointDistributionModel, scaling: TargetScaling, shapes: np.ndarray
) -> None:
    stretched = (3 * shapes).astype("f4")
    ours = keras.ops.convert_to_numpy(AsmAssistedLoss(model, scaling).asm(stretched))
    np.testing.assert_allclose(ours, model.asm(stretched), atol=1e-6)
    limits = 3 * np.sqrt(model.eigenvalues)
    assert (np.abs(model.project(stretched)) > limits).any()  # something was clipped


@EACH_DISTANCE
@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_the_loss_is_the_papers_formula(
    model: PointDistributionModel,
    scaling: TargetScaling,
    batch: dict[str, np.ndarray],
    distance: str,
    weight: float,
) -> None:
    # L(G, P) + a L(ASM(G), P): Fard, Abdollahi, Mahoor, CVPRW 2021, section 3
    moved = [
        transform(model.asm(s), f) for s, f in zip(batch["shape"], batch["frame"], strict=True)
    ]
    plausible, _ = scaling.standardise(np.stack(moved), np.zeros((FACES, 3)))
    measure = BY_HAND[distance]
    plain = measure(batch["target"], batch["predicted"])
    expected = plain + weight * measure(plausible, batch["predicted"])
    assisted = AsmAssistedLoss(model, scaling, distance)
    assert value(assisted, batch, weight) == pytest.approx(expected, rel=1e-4)
    assert abs(measure(plausible, batch["target"])) > 0.01  # the operator did change the faces


@EACH_DISTANCE
def test_weight_0_is_the_plain_loss(
    model: PointDistributionModel,
    scaling: TargetScaling,
    batch: dict[str, np.ndarray],
    distance: str,
) -> None:
    expected = BY_HAND[distance](batch["target"], batch["predicted"])
    assisted = AsmAssistedLoss(model, scaling, distance)
    assert value(assisted, batch, 0) == pytest.approx(expected, rel=1e-5)


@EACH_DISTANCE
def test_two_points_by_hand(distance: str) -> None:
    target = np.array([[[0, 0], [3, 0]]], "f4")
    predicted = np.array([[[0, 0], [0, 4]]], "f4")
    expected = {"absolute": 7 / 4, "squared": 25 / 4, "norm": 5, "euclidean": 5 / 2}[distance]
    assert float(DISTANCES[distance](target, predicted)) == pytest.approx(expected, abs=1e-4)


def test_the_frame_carries_the_plausible_face_to_where_the_face_lies(
    model: PointDistributionModel, scaling: TargetScaling, batch: dict[str, np.ndarray]
) -> None:
    # a face that the model knows well: ASM leaves it as it is, so both terms are 0 at the target,
    # however the crop is turned
    known = model.asm(batch["shape"])
    moved = np.stack([transform(s, f) for s, f in zip(known, batch["frame"], strict=True)])
    target, _ = scaling.standardise(moved, np.zeros((FACES, 3)))
    perfect = {**batch, "shape": known.astype("f4"), "target": target, "predicted": target}
    perfect = {name: part.astype("f4") for name, part in perfect.items()}
    assisted = AsmAssistedLoss(model, scaling)
    assert value(assisted, perfect, 2) == pytest.approx(0, abs=1e-5)
    elsewhere = {**perfect, "frame": perfect["frame"] + np.float32([[0, 0, 0.07], [0, 0, 0]])}
    # 0.07 across is one training unit in x and none in y: 2 x (1 + 0) / 2
    assert value(assisted, elsewhere, 2) == pytest.approx(1, rel=1e-3)


@EACH_DISTANCE
@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_the_slope_is_finite_where_nothing_is_wrong(
    model: PointDistributionModel,
    scaling: TargetScaling,
    batch: dict[str, np.ndarray],
    distance: str,
    weight: float,
) -> None:
    perfect = {**batch, "predicted": batch["target"]}
    assert np.isfinite(slope(AsmAssistedLoss(model, scaling, distance), perfect, weight)).all()


@EACH_DISTANCE
def test_a_step_down_the_slope_makes_the_loss_smaller(
    model: PointDistributionModel,
    scaling: TargetScaling,
    batch: dict[str, np.ndarray],
    distance: str,
) -> None:
    assisted = AsmAssistedLoss(model, scaling, distance)
    step = 1e-2 * slope(assisted, batch, 1.0)
    after = {**batch, "predicted": batch["predicted"] - step}
    assert value(assisted, after, 1.0) < value(assisted, batch, 1.0)


def test_the_weight_falls_in_three_steps() -> None:
    # 2, 1, 0.5 in the thirds of the epochs: Fard et al., section 3
    weights = [SCHEDULES["steps"](progress) for progress in (0, 0.33, 0.34, 0.66, 0.67, 0.999, 1)]
    assert weights == [2, 2, 1, 1, 0.5, 0.5, 0.5]
    assert SCHEDULES["none"](0) == SCHEDULES["none"](1) == 0


def test_the_smooth_weight_passes_through_the_papers() -> None:
    weights = [SCHEDULES["smooth"](progress) for progress in (0, 0.5, 1)]
    assert weights == pytest.approx([2, 1, 0.5])


def test_wing_is_a_logarithm_near_zero_and_straight_further_out() -> None:
    # Feng et al., CVPR 2018, with w = 1 and e = 0.2; c = 1 - ln 6
    def wing_of(error: float) -> float:
        return float(DISTANCES["wing"](np.zeros((1, 1, 2), "f4"), np.full((1, 1, 2), error, "f4")))

    assert wing_of(0.2) == pytest.approx(np.log(2), rel=1e-6)
    assert wing_of(3) == pytest.approx(3 - (1 - np.log(6)), rel=1e-6)
    assert wing_of(-0.4) == wing_of(0.4)
    assert wing_of(1 - 1e-6) == pytest.approx(wing_of(1 + 1e-6), abs=1e-5)


def test_an_unknown_distance_lists_the_known(
    model: PointDistributionModel, scaling: TargetScaling
) -> None:
    with pytest.raises(UsageError, match=r"no distance 'cubed'.*absolute, .*euclidean, wing"):
        AsmAssistedLoss(model, scaling, "cubed")
