"""Write models as ASMNet's authors did, with Keras 2, and their outputs. A separate program.

    python keras2.py FOLDER KIND...     ->  FOLDER/KIND.h5, FOLDER/KIND.npz

Kinds: asmnet68, mobilenetv2-98 (whole models), weights-only, nested. Keras 2 comes as ``tf_keras``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras
from tf_keras import layers

TAPS = ("block_1_project_BN", "block_3_project_BN", "block_6_project_BN", "block_10_project_BN",
        "block_13_project_BN", "block_15_add")  # fmt: skip
SIDE = (224, 224, 3)


def asmnet(points: int) -> Any:
    backbone = keras.applications.MobileNetV2(input_shape=SIDE, weights=None)
    maps = [backbone.get_layer(name).output for name in TAPS]
    features = layers.Concatenate()([layers.GlobalAveragePooling2D()(m) for m in maps])
    return with_heads(backbone.input, layers.Dropout(0.3)(features), points)


def mobilenetv2(points: int) -> Any:
    backbone = keras.applications.MobileNetV2(input_shape=SIDE, weights=None)
    return with_heads(backbone.input, backbone.layers[-2].output, points)


def nested(points: int) -> Any:
    backbone = keras.applications.MobileNetV2(
        input_shape=SIDE, weights=None, include_top=False, pooling="avg"
    )
    picture = keras.Input(SIDE)
    return with_heads(picture, backbone(picture), points)


def with_heads(picture: Any, features: Any, points: int) -> Any:
    heads = [layers.Dense(2 * points, name="O_L"), layers.Dense(3, name="O_P")]
    return keras.Model(picture, [head(features) for head in heads])


def settle(model: Any, pictures: np.ndarray) -> None:
    """Random norms, with the moving statistics that ``pictures`` make, and random biases."""
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, *moving = layer.get_weights()
            drawn = rng.uniform(0.4, 1.0, gamma.shape), rng.normal(0.2, 0.4, beta.shape)
            layer.set_weights([*drawn, *moving])
            layer.momentum = 0.0
        elif isinstance(layer, layers.Dense):
            kernel, bias = layer.get_weights()
            layer.set_weights([0.5 * kernel, rng.normal(0, 0.3, bias.shape)])
    model(pictures, training=True)


def save_whole(model: Any, path: Path) -> None:
    """With an optimizer's weights beside the model's, as after training."""
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save(path, save_format="h5")


def save_weights(model: Any, path: Path) -> None:
    model.save_weights(path, save_format="h5")


KINDS: dict[str, tuple[Callable[[int], Any], int, Callable[[Any, Path], None]]] = {
    "asmnet68": (asmnet, 68, save_whole),
    "mobilenetv2-98": (mobilenetv2, 98, save_whole),
    "weights-only": (asmnet, 98, save_weights),
    "nested": (nested, 68, save_whole),
}


def write(folder: Path, kind: str) -> None:
    """The model, and its answers to random crops given as RGB and as BGR."""
    keras.utils.set_random_seed(7)
    build, points, save = KINDS[kind]
    crops = np.random.default_rng(1).integers(0, 256, (4, *SIDE), np.uint8)
    crops[2:] = np.repeat(np.repeat(crops[2:, ::32, ::32], 32, axis=1), 32, axis=2)  # coarse ones
    model = build(points)
    settle(model, crops / 255.0)
    save(model, folder / f"{kind}.h5")
    images = np.concatenate([crops, crops[..., ::-1]]) / 255.0
    landmarks, pose = (output.numpy() for output in model(images, training=False))
    count = len(crops)
    np.savez(
        folder / f"{kind}.npz",
        crops=crops,
        landmarks=landmarks[:count],
        pose=pose[:count],
        landmarks_bgr=landmarks[count:],
    )


if __name__ == "__main__":
    for name in sys.argv[2:]:
        write(Path(sys.argv[1]), name)
