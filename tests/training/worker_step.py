"""One step of plain gradient descent by this worker alone, and one together with the others.

    TF_CONFIG=... python worker_step.py RESULT.npz

The network is linear, without norms, so that the gradient of all is the mean of each one's.
"""

import sys
from typing import Any

import keras
import numpy as np

from asmnet_edge.training.distribution import join
from asmnet_edge.training.trainer import Trainer


class Landmarks:
    """The landmarks' squared error in place of the ASM-assisted loss."""

    def __call__(self, shape: Any, frame: Any, target: Any, predicted: Any, weight: Any) -> Any:
        return keras.ops.mean(keras.ops.square(target - predicted))


def gradient(rank: int, replicas: int) -> np.ndarray:
    picture = keras.Input((4, 4, 3))
    flat = keras.layers.Flatten()(picture)
    sizes = {"landmarks": 4, "pose": 3}
    heads = {name: keras.layers.Dense(n, name=name)(flat) for name, n in sizes.items()}
    network = keras.Model(picture, heads)
    trainer = Trainer(network, Landmarks(), 0.5, replicas)
    trainer.compile(optimizer=keras.optimizers.SGD(1.0))
    start = [np.full(w.shape, 0.01 * (i + 1), "f4") for i, w in enumerate(network.weights)]
    network.set_weights(start)
    rng = np.random.default_rng(rank)
    targets = {
        "shape": np.zeros((2, 2, 2), "f4"),
        "frame": np.zeros((2, 2, 3), "f4"),
        "landmarks": rng.normal(size=(2, 2, 2)).astype("f4"),
        "pose": rng.normal(size=(2, 3)).astype("f4"),
        "asm_weight": np.zeros(2, "f4"),
    }
    trainer.train_on_batch(rng.integers(0, 256, (2, 4, 4, 3)).astype(np.uint8), targets)
    after = [keras.ops.convert_to_numpy(w) for w in network.weights]
    return np.concatenate([(b - a).ravel() for a, b in zip(after, start, strict=True)])


if __name__ == "__main__":
    processes = join()
    with processes.scope():
        together = gradient(processes.rank, processes.summed)
    np.savez(sys.argv[1], together=together, alone=gradient(processes.rank, 1))
