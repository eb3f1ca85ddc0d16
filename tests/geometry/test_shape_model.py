"""The point distribution model: squares and rhombi first, then 2,012 faces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from asmnet_edge.datasets.w300 import W300
from asmnet_edge.errors import DataError, ModelError
from asmnet_edge.geometry.pose import mean_face, rotation
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.geometry.shape_model import STORED, PointDistributionModel, normalise

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


# Measured with another implementation of PCA on the same 2,012 shapes: docs/facts.md
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
    with pytest.raises(DataError, match=r"at least 2 shapes \(n, 2\), got \(1, 4, 2\)"):
        PointDistributionModel.fit(SQUARE[None])


def test_shapes_all_alike_are_no_distribution() -> None:
    turned = SQUARE @ [[0.6, 0.8], [-0.8, 0.6]] + 5
    with pytest.raises(DataError, match="all alike"):
        PointDistributionModel.fit(np.stack([turned] * 3))


def test_modes_point_the_same_way_wherever_they_are_computed(blobs: np.ndarray) -> None:
    # LAPACK leaves the sign open: what a mode moves most goes right or down
    for shapes in (blobs, blobs[::-1]):
        components = PointDistributionModel.fit(shapes, variance=1).components
        most = np.abs(components).argmax(axis=1)
        assert (components[np.arange(10), most] > 0).all()


def test_shares_of_all_modes_add_up_to_one(blobs: np.ndarray) -> None:
    few, all_of_them = (PointDistributionModel.fit(blobs, v) for v in (0.5, 1.0))
    assert all_of_them.shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(few.shares, all_of_them.shares[: len(few.shares)])


def test_a_small_model_knows_how_many_modes_a_large_one_needs(blobs: np.ndarray) -> None:
    small = PointDistributionModel.fit(blobs, 0.3)
    for variance in (0.3, 0.9, 0.99, 1.0):
        large = PointDistributionModel.fit(blobs, variance)
        assert small.modes_for(variance) == len(large.components)


# what it was fitted to


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Thirty faces of 68 points in pixels, more or less turned, here and there, large and small."""
    rng = np.random.default_rng(5)
    flat = mean_face()[:, :2] + rng.normal(0, 0.05, (30, 68, 2))
    roll = rng.normal(0, 10, 30)
    turn = rotation(np.stack([0 * roll, 0 * roll, roll], axis=1))[:, :2, :2]
    scale, place = rng.uniform(20, 90, (30, 1, 1)), rng.uniform(50, 200, (30, 1, 2))
    return scale * flat @ turn.swapaxes(1, 2) + place


@pytest.mark.parametrize("alignment", ["none", "box", "procrustes"])
def test_training_faces_are_aligned_as_they_were_for_the_fit(
    faces: np.ndarray, alignment: str
) -> None:
    model = PointDistributionModel.fit(faces, 1.0, alignment, IBUG68)
    aligned = model.align(faces)
    np.testing.assert_allclose(aligned.reshape(30, -1).mean(axis=0), model.mean, atol=1e-9)
    np.testing.assert_allclose(model.project(aligned).var(axis=0, ddof=1), model.eigenvalues)
    np.testing.assert_allclose(model.reconstruct(model.project(aligned)), aligned, atol=1e-9)


def test_aligning_by_box_is_normalising_first(faces: np.ndarray) -> None:
    first, later = (
        PointDistributionModel.fit(normalise(faces)),
        PointDistributionModel.fit(faces, alignment="box"),
    )
    np.testing.assert_allclose(first.mean, later.mean)
    np.testing.assert_allclose(first.components, later.components, atol=1e-12)


SIMILARITY = st.tuples(
    *(st.floats(-180, 180), st.floats(0.05, 20), st.floats(-500, 500), st.floats(-500, 500))
)


def moved(shapes: np.ndarray, moves: list[tuple[float, ...]]) -> np.ndarray:
    """Each of ``shapes`` turned clockwise by degrees, scaled and shifted by x, y."""
    degrees, scale, x, y = np.array(moves).T
    turn = rotation(np.stack([0 * degrees, 0 * degrees, degrees], axis=1))[:, :2, :2]
    return scale[:, None, None] * shapes @ turn.swapaxes(1, 2) + np.stack([x, y], 1)[:, None]


def scatter(model: PointDistributionModel) -> np.ndarray:
    """V^T L V: the model's modes, whatever their signs and their order among equals."""
    return model.components.T @ np.diag(model.eigenvalues) @ model.components


@given(st.lists(SIMILARITY, min_size=30, max_size=30))
@settings(max_examples=30)
def test_a_procrustes_model_forgets_place_size_and_rotation_of_every_face(
    faces: np.ndarray, moves: list[tuple[float, ...]]
) -> None:
    seen, other = (
        PointDistributionModel.fit(shapes, 1.0, "procrustes", IBUG68)
        for shapes in (faces, moved(faces, moves))
    )
    np.testing.assert_allclose(other.mean, seen.mean, atol=1e-8)
    np.testing.assert_allclose(other.spectrum, seen.spectrum, atol=1e-10)
    np.testing.assert_allclose(scatter(other), scatter(seen), atol=1e-10)


@given(SIMILARITY)
@settings(max_examples=30)
def test_a_new_face_is_aligned_wherever_it_lies(faces: np.ndarray, move: tuple[float, ...]) -> None:
    model = PointDistributionModel.fit(faces[1:], 0.9, "procrustes", IBUG68)
    here, there = model.align(faces[:1]), model.align(moved(faces[:1], [move]))
    np.testing.assert_allclose(there, here, atol=1e-8)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 20), st.sampled_from(["box", "procrustes"]))
@settings(max_examples=30)
def test_what_is_plausible_once_is_plausible_twice(
    faces: np.ndarray, seed: int, size: float, alignment: str
) -> None:
    model = PointDistributionModel.fit(faces, 0.9, alignment, IBUG68)
    once = model.asm(np.random.default_rng(seed).normal(0, size, (4, 68, 2)))
    np.testing.assert_allclose(model.asm(once), once, atol=1e-9)


def test_a_face_without_extent_cannot_be_aligned(faces: np.ndarray) -> None:
    model = PointDistributionModel.fit(faces, 0.9, "procrustes", IBUG68)
    broken = faces.copy()
    broken[4] = 7.0
    for align in (model.align, lambda shapes: PointDistributionModel.fit(shapes, 0.9, "box")):
        with pytest.raises(DataError, match="shape 4 is not finite, or all its points"):
            align(broken)


def test_a_face_with_nan_cannot_be_fitted_to(blobs: np.ndarray) -> None:
    broken = blobs.copy()
    broken[2, 1, 0] = np.nan
    with pytest.raises(DataError, match="shape 2 is not finite"):
        PointDistributionModel.fit(broken)


@pytest.mark.parametrize(
    ("alignment", "message"),
    [("eyes", "Known: none, box, procrustes"), ("procrustes", "eye corners")],
)
def test_an_alignment_that_cannot_be_is_reported(
    blobs: np.ndarray, alignment: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        PointDistributionModel.fit(blobs, alignment=alignment)


# on disk


@pytest.fixture
def parts(faces: np.ndarray) -> dict[str, Any]:
    """The arrays and facts of a sound file."""
    model = PointDistributionModel.fit(faces, 0.9, "procrustes", IBUG68)
    return {
        **{name: getattr(model, name) for name in STORED},
        "scheme": "ibug68",
    }


@pytest.mark.parametrize("alignment", ["none", "box", "procrustes"])
def test_a_saved_model_comes_back(faces: np.ndarray, tmp_path: Path, alignment: str) -> None:
    model = PointDistributionModel.fit(faces, 0.93, alignment, IBUG68)
    model.save(tmp_path / "shape.npz")
    loaded = PointDistributionModel.load(tmp_path / "shape.npz")
    for name in ("mean", "components", "eigenvalues", "spectrum"):
        assert (getattr(loaded, name) == getattr(model, name)).all()
    assert loaded.scheme is IBUG68
    assert (loaded.alignment, loaded.faces, loaded.variance) == (alignment, 30, 0.93)


def test_a_model_of_an_unknown_scheme_comes_back(blobs: np.ndarray, tmp_path: Path) -> None:
    PointDistributionModel.fit(blobs).save(tmp_path / "shape.npz")
    assert PointDistributionModel.load(tmp_path / "shape.npz").scheme is None


def test_the_same_model_makes_the_same_bytes(blobs: np.ndarray, tmp_path: Path) -> None:
    for name in ("one.npz", "other.npz"):
        PointDistributionModel.fit(blobs).save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


def test_a_sound_file_is_read(parts: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "shape.npz", **parts)
    assert PointDistributionModel.load(tmp_path / "shape.npz").faces == 30


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mean", lambda mean: mean[:-2], r"must be \(2n,\), \(k, 2n\) and \(m,\).*got \(134,\)"),
        ("mean", lambda mean: mean * np.nan, "mean must be finite"),
        ("mean", lambda mean: np.full(136, "x"), "could not convert"),
        ("components", lambda rows: rows[0], "components and spectrum must be"),
        ("components", lambda rows: rows[:0], "components and spectrum must be"),
        ("components", lambda rows: 2 * rows, "must be orthonormal"),
        ("components", lambda rows: rows + np.inf, "components must be finite"),
        ("spectrum", lambda variances: variances[:1], "components and spectrum must be"),
        ("spectrum", lambda variances: variances[::-1], "spectrum must fall"),
        ("spectrum", lambda variances: variances - 1, "spectrum must fall"),
        ("spectrum", lambda variances: 0 * variances, "spectrum must fall"),
        ("alignment", lambda _: "eyes", "no alignment 'eyes'"),
        ("scheme", lambda _: "muct76", "no landmark scheme 'muct76'"),
        ("scheme", lambda _: "wflw98", "wflw98 does not have 68 points"),
        ("faces", lambda _: 1, "at least 2 shapes, got 1"),
        ("faces", lambda _: [1, 2], "is not a shape model"),
        ("variance", lambda _: 1.5, "must lie in"),
        ("variance", lambda _: np.nan, "must lie in"),
    ],
)
def test_what_does_not_go_together_is_not_a_model(
    parts: dict[str, Any], tmp_path: Path, name: str, change: Callable[[Any], Any], message: str
) -> None:
    np.savez(tmp_path / "shape.npz", **{**parts, name: change(parts[name])})
    with pytest.raises(ModelError, match=message) as caught:
        PointDistributionModel.load(tmp_path / "shape.npz")
    assert "shape.npz is not a shape model: " in caught.value.message
    assert caught.value.cure == "Make one with: asmnet-edge shape fit"


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_file_is_a_sound_model_or_none(
    blobs: np.ndarray, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "shape.npz"
    PointDistributionModel.fit(blobs).save(path)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content) + 99))])
    try:
        assert np.isfinite(PointDistributionModel.load(path).asm(blobs)).all()
    except ModelError as error:
        assert "is not a shape model" in error.message


def test_a_missing_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no shape model at"):
        PointDistributionModel.load(tmp_path / "shape.npz")


def test_a_file_without_the_arrays_is_not_a_model(tmp_path: Path) -> None:
    np.savez(tmp_path / "shape.npz", mean=np.zeros(4))
    with pytest.raises(ModelError, match=r"shape\.npz is not a shape model"):
        PointDistributionModel.load(tmp_path / "shape.npz")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "shape.npz"
    np.savez(path, mean=np.array([{}]), components=np.ones((1, 1)), spectrum=np.ones(1))
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
