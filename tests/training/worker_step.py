"""A step of plain gradient descent by this worker alone, one with the others, and a training.

    TF_CONFIG=... python worker_step.py RESULT.npz WORDS...    # the words of `train`

The network of the steps is linear, without norms, so that the gradient of all is the mean of each
one's; that of the training is small, or ASMNet with ASMNET_EDGE_SOAK set. Keras is imported where
it is used: processes that prepare batches import this file, too, and do without.
"""

import os
import sys
from functools import cache
from typing import Any

import numpy as np
import small_network

from asmnet_edge.training import distribution


class Landmarks:
    """The landmarks' squared error in place of the ASM-assisted loss."""

    def __call__(self, shape: Any, frame: Any, target: Any, predicted: Any, weight: Any) -> Any:
        import keras

        return keras.ops.mean(keras.ops.square(target - predicted))


def gradient(rank: int, replicas: int) -> np.ndarray:
    import keras

    from asmnet_edge.training.trainer import Trainer

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
    result, *words = sys.argv[1:]
    distribution.join = cache(distribution.join)  # TensorFlow lets a process join once
    processes = distribution.join()
    with processes.scope():
        together = gradient(processes.rank, processes.summed)
    np.savez(result, together=together, alone=gradient(processes.rank, 1))
    if "ASMNET_EDGE_SOAK" not in os.environ:
        small_network.use()
    small_network.train(words)
