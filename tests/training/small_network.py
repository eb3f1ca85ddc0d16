"""A network of one convolution in ASMNet's place, and ``asmnet-edge train`` with it.

    python small_network.py --data synthetic:40 --output FOLDER    # the words of `train`

Libraries take longer to trace and compile ASMNet than to train it for a few steps. Keras is
imported where it is used: processes that prepare batches import this file, too, and do without.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from asmnet_edge.training.network import Variant


def network(
    variant: Variant,
    training_resolution: int | None = None,
    precision: str = "float32",
    dropout: float = 0.3,
) -> keras.Model:
    """Return what `build` makes, in small: dropout, moving statistics and two heads are there."""
    import keras
    from keras import layers

    from asmnet_edge.training.network import SEED

    picture = keras.Input((training_resolution or variant.input_size,) * 2 + (3,))
    features = layers.Conv2D(8, 3, strides=2, activation="relu")(picture)
    features = layers.BatchNormalization(momentum=0.9)(features)
    features = layers.GlobalAveragePooling2D()(features)
    features = layers.Dropout(dropout, seed=SEED, name="dropout")(features)
    heads = {"landmarks": 2 * variant.points, "pose": 3}
    return keras.Model(picture, {k: layers.Dense(n, name=k)(features) for k, n in heads.items()})


def use() -> None:
    """Let runs of this process train, and its files hold, the small network."""
    from asmnet_edge.training import float_model, loop, validation

    for module in (loop, float_model, validation):
        module.build = network


if __name__ == "__main__":
    from asmnet_edge.cli.main import main

    use()
    sys.argv[1:] = ["train", *sys.argv[1:]]
    main()
