"""Plausibility: a face at any place and angle passes, other shapes do not."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import crop_matrix, transform
from asmnet_edge.geometry.landmarks import Box
from asmnet_edge.geometry.shape_model import superimpose
from asmnet_edge.io.files import SHIPPED_FLOAT, SHIPPED_INT8, sha256, shipped
from asmnet_edge.io.manifest import read_manifest
from asmnet_edge.runtime.artifact import open_artifact
from asmnet_edge.runtime.plausibility import PLAUSIBLE, FacePlausibility, shipped_plausibility

SCRIPT = Path(__file__).parents[2] / "scripts" / "fit_plausibility.py"
MODEL = shipped_plausibility()
MEAN = MODEL.mean.reshape(68, 2)


def test_the_mean_shape_has_the_highest_quality() -> None:
    rng = np.random.default_rng(0)
    others = [MODEL.quality(MEAN + rng.normal(0, 0.003, (68, 2))) for _ in range(50)]
    assert MODEL.quality(MEAN) > max(*others, 0.7)


@pytest.mark.parametrize("mode", range(5))
@pytest.mark.parametrize("deviations", [-1, 1])
def test_shapes_of_faces_pass(mode: int, deviations: int) -> None:
    step = deviations * np.sqrt(MODEL.variances[mode]) * MODEL.components[mode]
    assert MODEL.quality((MODEL.mean + step).reshape(68, 2)) > PLAUSIBLE


@given(st.floats(1, 1000), st.floats(-180, 180), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_size_turn_and_place_do_not_matter(side: float, turn: float, x: float, y: float) -> None:
    points = MEAN + 0.01 * np.random.default_rng(0).normal(size=(68, 2))
    moved = transform(points, crop_matrix((0, 0), 1, 100, turn)) * side / 100 + [x, y]
    assert MODEL.quality(moved) == pytest.approx(MODEL.quality(points), abs=1e-6)


def test_it_superimposes_as_the_shape_model_does() -> None:
    points = 40 * MEAN + np.random.default_rng(0).normal(size=(68, 2))
    ours = MODEL._superimposed(points).reshape(68, 2)
    np.testing.assert_allclose(ours, superimpose(points, MEAN), atol=1e-12)


def test_quality_decreases_along_each_mode() -> None:
    step = np.sqrt(MODEL.variances[3]) * MODEL.components[3]
    shapes = [(MODEL.mean + n * step).reshape(68, 2) for n in (1, 4, 8, 16)]
    within = [MODEL.distances(shape)[0] for shape in shapes]
    assert within == sorted(within)
    assert MODEL.quality(shapes[-1]) < PLAUSIBLE


def test_a_mirrored_face_a_grid_and_noise_do_not_pass() -> None:
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(17.0), np.arange(4.0)), -1).reshape(68, 2)
    for points in (MEAN * [1, -1], grid, rng.normal(size=(68, 2)), np.zeros((68, 2))):
        assert MODEL.quality(points) < PLAUSIBLE


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(ModelError, match="not a plausibility model"):
        FacePlausibility.load(path)


def test_the_limits_are_fitted_to_the_shipped_default_weights() -> None:
    assert MODEL.fitted_to == sha256(shipped(SHIPPED_FLOAT)), "run scripts/fit_plausibility.py"
    assert MODEL.fitted_to == read_manifest(shipped(SHIPPED_INT8)).source_sha256


@pytest.mark.skipif(not SCRIPT.is_file(), reason="runs in a checkout only")
@pytest.mark.parametrize(("upright", "crop_count"), [(False, 1), (True, 2)])
def test_they_are_fitted_to_crops_of_the_network(upright: bool, crop_count: int) -> None:
    script = runpy.run_path(str(SCRIPT))
    artifact = open_artifact(shipped(SHIPPED_INT8))
    manifest = replace(artifact.manifest, crop={**artifact.manifest.crop, "upright": upright})
    crops = []

    def run(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        crops.append(crop)
        return MEAN + 0.5, np.zeros(3)

    seen = replace(artifact, manifest=manifest, backend=SimpleNamespace(run=run))
    picture = np.zeros((300, 300, 3), np.uint8)
    script["as_in_use"](seen).faces_in(picture, [Box(50, 50, 200, 200)])
    assert len(crops) == crop_count
