"""The point distribution model: squares and rhombi first, then 2,012 faces."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from asmnet_edge.data.w300 import W300
from asmnet_edge.errors import DataError, ModelError
from asmnet_edge.shape import PointDistributionModel, normalise

SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]])
RHOMBUS = np.array([[0, -2], [1, 0], [0, 2], [-1, 0.0]])
SHAPES = arrays(float, (7, 4, 2), elements=st.integers(-10, 10))


@pytest.fixture(scope="module")
def wide_and_narrow() -> PointDistributionModel:
    """Squares that differ in width alone: 1, 2 and 3 units to each side."""
    return PointDistributionModel.fit(np.stack([SQUARE * [w, 1] for w in (1, 2, 3)]))


@pytest.fixture(scope="module")
def blobs() -> np.ndarray:
    """Forty shapes of five points whose coordinates hang together."""
    rng = np.random.default_rng(3)
    return (rng.normal(size=(40, 10)) @ rng.normal(size=(10, 10))).reshape(40, 5, 2)


@pytest.fixture(scope="module")
def real_shapes(real_data: Path) -> np.ndarray:
    samples = W300(real_data / "300w").samples("train")
    return normalise(np.stack([sample.landmarks.points for sample in samples]))


def test_a_rhombus_is_centred_on_its_box_and_divided_by_its_longer_side() -> None:
    expected = [[0, -0.5], [0.25, 0], [0, 0.5], [-0.25, 0]]
    np.testing.assert_allclose(normalise(RHOMBUS[None] * 3 + [7, 9])[0], expected)


@given(st.floats(0.1, 100), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 2**32 - 1))
def test_normalising_forgets_place_and_size(scale: float, x: float, y: float, seed: int) -> None:
    shapes = np.random.default_rng(seed).normal(size=(2, 6, 2))
    np.testing.assert_allclose(normalise(scale * shapes + [x, y]), normalise(shapes), atol=1e-8)


def test_squares_of_different_widths_have_one_mode(wide_and_narrow: PointDistributionModel) -> None:
    model = wide_and_narrow
    np.testing.assert_allclose(model.mean, (SQUARE * [2, 1]).ravel())
    # each of four x coordinates moves by the width: direction (1, 0, -1, 0, ...) / 2
    direction = np.abs(model.components[0]).reshape(4, 2)
    np.testing.assert_allclose(direction, np.tile([0.5, 0], (4, 1)), atol=1e-12)
    # along it the squares lie at -2, 0, 2, whose variance over faces - 1 is 4
    np.testing.assert_allclose(model.eigenvalues, [4])


def test_the_asm_operator_lets_pass_what_is_within_three_deviations(
    wide_and_narrow: PointDistributionModel,
) -> None:
    square = SQUARE * [4.9, 1]  # at 2 x 2.9 = 5.8, and the limit is 3 sqrt(4) = 6
    np.testing.assert_allclose(wide_and_narrow.asm(square), square, atol=1e-12)


def test_the_asm_operator_stops_at_three_deviations(
    wide_and_narrow: PointDistributionModel,
) -> None:
    np.testing.assert_allclose(wide_and_narrow.asm(SQUARE * [100, 1]), SQUARE * [5, 1], atol=1e-12)
    np.testing.assert_allclose(
        wide_and_narrow.asm(SQUARE * [-100, 1]), SQUARE * [-1, 1], atol=1e-12
    )


def test_the_asm_operator_drops_what_no_shape_ever_did(
    wide_and_narrow: PointDistributionModel,
) -> None:
    np.testing.assert_allclose(wide_and_narrow.asm(SQUARE * [3, 8]), SQUARE * [3, 1], atol=1e-12)


@given(SHAPES)
def test_all_modes_rebuild_every_training_shape(shapes: np.ndarray) -> None:
    shapes = shapes + SQUARE * np.arange(7)[:, None, None]  # never all alike
    model = PointDistributionModel.fit(shapes, variance=1)
    np.testing.assert_allclose(model.reconstruct(model.project(shapes)), shapes, atol=1e-8)


@given(SHAPES)
def test_fewer_modes_give_the_nearest_shape_they_can(shapes: np.ndarray) -> None:
    model = PointDistributionModel.fit(np.stack([SQUARE, RHOMBUS, SQUARE * [3, 1]]), variance=0.5)
    offsets = (shapes.reshape(7, 8) - model.mean).T
    nearest = np.linalg.lstsq(model.components.T, offsets, rcond=None)[0].T
    np.testing.assert_allclose(model.project(shapes), nearest, atol=1e-8)


@given(st.integers(0, 2**32 - 1))
def test_parameters_come_back_from_the_shape_they_make(blobs: np.ndarray, seed: int) -> None:
    model = PointDistributionModel.fit(blobs, variance=0.8)
    parameters = np.random.default_rng(seed).normal(size=(3, len(model.eigenvalues)))
    np.testing.assert_allclose(model.project(model.reconstruct(parameters)), parameters)


def test_a_plausible_shape_stays_as_it_is(blobs: np.ndarray) -> None:
    model = PointDistributionModel.fit(blobs)
    once = model.asm(blobs * 9)
    np.testing.assert_allclose(model.asm(once), once)
    assert np.abs(once - blobs * 9).max() > 1


def test_modes_are_orthonormal_and_fall(blobs: np.ndarray) -> None:
    model = PointDistributionModel.fit(blobs, variance=1)
    np.testing.assert_allclose(model.components @ model.components.T, np.eye(10), atol=1e-12)
    assert (np.diff(model.eigenvalues) <= 0).all()


@pytest.mark.parametrize("variance", [0.5, 0.9, 0.99, 1.0])
def test_as_few_modes_as_explain_the_share(blobs: np.ndarray, variance: float) -> None:
    model = PointDistributionModel.fit(blobs, variance)
    total = blobs.reshape(40, -1).var(axis=0, ddof=1).sum()
    assert model.eigenvalues.sum() / total >= variance - 1e-9
    assert model.eigenvalues[:-1].sum() / total < variance


def test_a_batch_is_the_same_as_shapes_one_by_one(blobs: np.ndarray) -> None:
    model = PointDistributionModel.fit(blobs)
    shapes = (blobs[:6] * 5).reshape(2, 3, 5, 2)
    each = [[model.asm(shape) for shape in row] for row in shapes]
    np.testing.assert_allclose(model.asm(shapes), each)


def asm_by_hand(shapes: np.ndarray, others: np.ndarray, modes: int) -> np.ndarray:
    """PCA by scikit-learn, parameters clipped to three standard deviations each."""
    pca = PCA(modes, svd_solver="full").fit(shapes.reshape(len(shapes), -1))
    limit = 3 * np.sqrt(pca.explained_variance_)
    clipped = np.clip(pca.transform(others.reshape(len(others), -1)), -limit, limit)
    return pca.inverse_transform(clipped).reshape(others.shape)


def test_the_asm_operator_agrees_with_scikit_learn(blobs: np.ndarray) -> None:
    model = PointDistributionModel.fit(blobs)
    expected = asm_by_hand(blobs, blobs * 4, len(model.eigenvalues))
    np.testing.assert_allclose(model.asm(blobs * 4), expected, atol=1e-9)


# Measured with another implementation of PCA on the same 2,012 shapes: DESIGN.md, section 1
@pytest.mark.parametrize(("variance", "modes"), [(0.90, 4), (0.95, 7), (0.97, 11), (0.99, 23)])
def test_300w_has_that_many_modes(real_shapes: np.ndarray, variance: float, modes: int) -> None:
    assert len(real_shapes) == 2012
    assert len(PointDistributionModel.fit(real_shapes, variance).eigenvalues) == modes


def test_the_asm_operator_agrees_with_scikit_learn_on_300w(real_shapes: np.ndarray) -> None:
    model = PointDistributionModel.fit(real_shapes, 0.90)
    strange = real_shapes * [1.5, 1]
    for shapes in (real_shapes, strange):
        expected = asm_by_hand(real_shapes, shapes, 4)
        np.testing.assert_allclose(model.asm(shapes), expected, atol=1e-6)
    limits = 3 * np.sqrt(model.eigenvalues)
    assert (np.abs(model.project(strange)) > limits).any()  # something was clipped


@pytest.mark.parametrize("variance", [0, -0.1, 1.01])
def test_a_share_of_variance_lies_between_0_and_1(variance: float) -> None:
    with pytest.raises(DataError, match=r"must lie in \(0, 1\]"):
        PointDistributionModel.fit(np.stack([SQUARE, RHOMBUS]), variance)


def test_one_shape_is_no_distribution() -> None:
    with pytest.raises(DataError, match="at least 2 shapes, got 1"):
        PointDistributionModel.fit(SQUARE[None])


def test_parts_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(DataError, match=r"mean must be \(4,\).*got \(3,\) and \(1,\)"):
        PointDistributionModel(np.zeros(3), np.ones((1, 4)), np.ones(1))


def test_a_saved_model_comes_back(wide_and_narrow: PointDistributionModel, tmp_path: Path) -> None:
    wide_and_narrow.save(tmp_path / "shape.npz")
    loaded = PointDistributionModel.load(tmp_path / "shape.npz")
    for name in ("mean", "components", "eigenvalues"):
        assert (getattr(loaded, name) == getattr(wide_and_narrow, name)).all()


def test_a_missing_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no shape model at"):
        PointDistributionModel.load(tmp_path / "shape.npz")


def test_a_file_without_the_arrays_is_not_a_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "shape.npz", mean=np.zeros(4))
    with pytest.raises(ModelError, match=r"shape\.npz is not a shape model"):
        PointDistributionModel.load(tmp_path / "shape.npz")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "shape.npz"
    np.savez(path, mean=np.array([{}]), components=np.ones((1, 1)), eigenvalues=np.ones(1))
    with pytest.raises(ModelError, match=r"not a shape model.*allow_pickle"):
        PointDistributionModel.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["", "text", "zip"]
)
def test_a_broken_file_is_not_a_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "shape.npz").write_bytes(content)
    with pytest.raises(ModelError, match="is not a shape model"):
        PointDistributionModel.load(tmp_path / "shape.npz")


def test_a_single_array_is_not_a_model(tmp_path: Path) -> None:
    with (tmp_path / "shape.npz").open("wb") as file:
        np.save(file, np.zeros(4))
    with pytest.raises(ModelError, match="is not a shape model"):
        PointDistributionModel.load(tmp_path / "shape.npz")
