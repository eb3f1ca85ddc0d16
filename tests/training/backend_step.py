"""Training steps on the backend that KERAS_BACKEND names; run by test_backends.py.

    python backend_step.py BATCH.npz SHAPES.npz RESULT.npz

A step through ASMNet with the usual distance, and one with each distance through a network of one
convolution, which a backend compiles in a second instead of fifteen; with ASMNET_EDGE_SOAK set, all
go through ASMNet. With plain gradient descent and a rate of 1 the change of the weights is the
gradient. All in double precision: in single, rounding alone moves the gradient of 50 normalised
layers by a thousandth.
"""

import os
import sys
from pathlib import Path

os.environ["JAX_ENABLE_X64"] = "1"

import keras
import numpy as np
import small_network

from asmnet_edge.geometry.shape_model import PointDistributionModel
from asmnet_edge.training.loss import DISTANCES, AsmAssistedLoss
from asmnet_edge.training.model_facts import TargetScaling
from asmnet_edge.training.network import Variant, build, for_training
from asmnet_edge.training.trainer import Trainer


def steps(given: dict[str, np.ndarray], shapes: PointDistributionModel) -> dict[str, np.ndarray]:
    """Return the loss, the gradient and the moving statistics after each step."""
    variant = Variant(alpha=0.35, input_size=64)
    asmnet = for_training(build(variant, precision="float64"))
    asmnet.get_layer("dropout").rate = 0  # what it drops differs from backend to backend
    small = (
        asmnet if "ASMNET_EDGE_SOAK" in os.environ else small_network.network(variant, dropout=0)
    )
    scaling = TargetScaling(given["mean_shape"], 0.05, np.zeros(3), np.ones(3))
    batch = {k.removeprefix("y_"): v for k, v in given.items() if k.startswith("y_")}
    batch = {k: v.astype("f8") for k, v in batch.items()}
    results = {}
    cases = [("asmnet", asmnet, "absolute"), *((name, small, name) for name in DISTANCES)]
    for case, network, distance in cases:
        trainer = Trainer(network, AsmAssistedLoss(shapes, scaling, distance), 0.5)
        trainer.compile(optimizer=keras.optimizers.SGD(1.0))
        made = step(trainer, given["pictures"], batch)
        results |= {f"{case}_{name}": value for name, value in made.items()}
    return results


def step(trainer: Trainer, pictures: np.ndarray, batch: dict) -> dict[str, np.ndarray]:
    network = trainer.network
    before = [drawn(i, weight.shape) for i, weight in enumerate(network.get_weights())]
    network.set_weights(before)
    loss = trainer.train_on_batch(pictures, batch)
    after = [keras.ops.convert_to_numpy(v) for v in network.weights]
    trained = [any(v is t for t in network.trainable_variables) for v in network.weights]
    moved = [(b - a).ravel() for a, b, t in zip(after, before, trained, strict=True) if t]
    moving = [a.ravel() for a, t in zip(after, trained, strict=True) if not t]
    return {
        "loss": np.float64(loss),
        "gradient": np.concatenate(moved),
        "statistics": np.concatenate(moving),
    }


def drawn(number: int, shape: tuple[int, ...]) -> np.ndarray:
    """Weights that do not depend on the backend: kernels as He et al. draw them, vectors near 1."""
    rng = np.random.default_rng(number)
    if len(shape) == 1:
        return rng.uniform(0.5, 1.0, shape)
    fan_in = np.prod(shape[:-2] if shape[-1] == 1 else shape[:-1])
    return rng.standard_normal(shape) * np.sqrt(2 / fan_in)


if __name__ == "__main__":
    keras.config.set_floatx("float64")
    with np.load(sys.argv[1]) as stored:
        made = steps(dict(stored), PointDistributionModel.load(Path(sys.argv[2])))
    np.savez(sys.argv[3], **made)
