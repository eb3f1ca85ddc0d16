"""The same training on TensorFlow, JAX and PyTorch: one step has one loss and one gradient."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from asmnet_edge.datasets.pack import Pack
from asmnet_edge.geometry.shape_model import PointDistributionModel, normalise
from asmnet_edge.training.augmentation import Augmentation
from asmnet_edge.training.batches import BatchPlan, Source
from asmnet_edge.training.loss import DISTANCES
from asmnet_edge.training.model_facts import TargetScaling

Step = Callable[[str], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def step(face_pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Step:
    """What a step gives on a backend, in a process of its own."""
    folder = tmp_path_factory.mktemp("steps")
    plan = BatchPlan((Source(face_pack),), 8, 1, Augmentation(), seed=0)
    mean_shape = plan.targets(0, 64)["landmarks"].mean(axis=0)
    scaling = TargetScaling(mean_shape, 0.05, np.zeros(3), np.ones(3))
    pictures, targets = plan.make(0, 64, scaling)
    targets["asm_weight"] = np.full(8, 2.0, np.float32)
    batch = {f"y_{name}": value for name, value in targets.items()}
    np.savez(folder / "batch.npz", pictures=pictures, mean_shape=mean_shape, **batch)
    PointDistributionModel.fit(normalise(face_pack.points), 0.9).save(folder / "shapes.npz")

    @cache
    def take(backend: str) -> dict[str, np.ndarray]:
        if util.find_spec(backend) is None:
            pytest.skip(f"needs {backend}, which is not installed: pip install {backend}")
        script, result = Path(__file__).with_name("backend_step.py"), folder / f"{backend}.npz"
        given = (folder / "batch.npz", folder / "shapes.npz")
        done = subprocess.run(
            [sys.executable, script, *given, result],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        with np.load(result) as stored:
            return dict(stored)

    return take


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Relative to the size of ``one``."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


@pytest.mark.parametrize("case", ["asmnet", *DISTANCES])
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_loss_and_gradient_agree(step: Step, backend: str, case: str) -> None:
    reference, other = step("tensorflow"), step(backend)
    for what in ("loss", "gradient", "statistics"):
        name = f"{case}_{what}"
        assert difference(reference[name], other[name]) < 1e-5, name


def test_the_comparison_would_notice_another_loss(step: Step) -> None:
    made = step("tensorflow")
    assert difference(made["absolute_gradient"], made["squared_gradient"]) > 0.1
