"""Network architectures: ASMNet and its MobileNetV2 baseline.

ASMNet (Fard, Abdollahi, Mahoor, CVPRW 2021): MobileNetV2 (Sandler et al., CVPR 2018) up to block
15; six of its feature maps averaged over space and concatenated; one linear head for the landmarks,
one for the pose. The paper's L2 penalty on the heads is AdamW's weight decay here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import keras
from keras import layers

from asmnet_edge.errors import UsageError

TAPS = (
    "block_1_project_BN",
    "block_3_project_BN",
    "block_6_project_BN",
    "block_10_project_BN",
    "block_13_project_BN",
    "block_15_add",
)
DROPOUT = 0.3
SEED = 0  # of the dropout; without one PyTorch uses a state that no checkpoint holds
NORM_MOMENTUM = 0.97  # with Keras' 0.999 the averages lag thousands of steps behind
ALPHAS = (0.35, 0.5, 0.75, 1.0)
POSITIONED = frozenset({"asmnet-weighted"})  # weights depend on position: one input size only
IMPORTED = "own"  # in files: architecture of an imported network, which its file describes


@dataclass(frozen=True)
class Variant:
    """Choice of a network.

    architecture : a key of `FEATURES`, or `IMPORTED`; alpha : width multiplier, one of `ALPHAS`
    input_size : side of the input crop, pixels; points : number of landmarks
    """

    architecture: str = "asmnet"
    alpha: float = 1.0
    input_size: int = 224
    points: int = 68

    def __post_init__(self) -> None:
        if self.architecture not in (*FEATURES, IMPORTED):
            raise UsageError(
                f"no architecture {self.architecture!r}", f"Known: {', '.join(FEATURES)}"
            )
        if self.alpha not in ALPHAS:
            raise UsageError(f"alpha must be one of {ALPHAS}, got {self.alpha}")
        if self.input_size < 32 or (self.input_size % 32 and self.architecture != IMPORTED):
            raise UsageError(f"the input size must be a multiple of 32, got {self.input_size}")
        if self.points < 1:
            raise UsageError(f"the number of points must be positive, got {self.points}")


def build(
    variant: Variant,
    training_resolution: int | None = None,
    precision: str = "float32",
    dropout: float = DROPOUT,
) -> keras.Model:
    """Build the network of ``variant``: (N, s, s, 3) in [-1, 1) -> standardised landmarks and pose.

    Outputs ``landmarks`` (N, 2 x points) and ``pose`` (N, 3), both in training units (see
    `asmnet_edge.training.model_facts`). All weights fit every input size s, except those of
    `POSITIONED`: training may use another ``training_resolution`` than the variant's input size.
    ``precision`` is Keras' dtype policy of all but the heads; weights are always float32.
    ``dropout`` is the share of the features that training leaves out at a time.
    """
    if variant.architecture == IMPORTED:
        raise UsageError(
            "an imported network is not built by name", "It is read from a .keras file"
        )
    size = training_resolution or variant.input_size
    if variant.architecture in POSITIONED and size != variant.input_size:
        raise UsageError(
            f"{variant.architecture} of {variant.input_size} px has no weights for {size} px",
            "Train it at its own size throughout",
        )
    backbone = _backbone(size, variant.alpha, precision)
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = NORM_MOMENTUM
    features = FEATURES[variant.architecture](backbone)
    features = layers.Dropout(dropout, seed=SEED, name="dropout")(features)
    full = keras.config.floatx()
    outputs = {
        "landmarks": layers.Dense(2 * variant.points, name="landmarks", dtype=full)(features),
        "pose": layers.Dense(3, name="pose", dtype=full)(features),
    }
    return keras.Model(backbone.input, outputs, name=variant.architecture)


def for_training(network: keras.Model) -> keras.Model:
    """Return a copy of ``network``, with new weights, in layers that the backend computes fastest.

    Not to be saved: the layers are custom ones, and any Keras must open what we save.
    """
    if keras.config.backend() != "torch":
        return network
    from asmnet_edge.training.torch_layers import fused

    return fused(network)


def _backbone(size: int, alpha: float, precision: str) -> keras.Model:
    """MobileNetV2 without its top; Keras takes the precision only from its global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return keras.applications.MobileNetV2(
            input_shape=(size, size, 3), alpha=alpha, include_top=False, weights=None
        )
    finally:
        keras.config.set_dtype_policy(before)


def _asmnet_features(backbone: keras.Model) -> keras.KerasTensor:
    maps = [backbone.get_layer(name).output for name in TAPS]
    pooled = [layers.GlobalAveragePooling2D(name=f"pool_{i}")(m) for i, m in enumerate(maps)]
    return layers.Concatenate(name="features")(pooled)


def _weighted_features(backbone: keras.Model) -> keras.KerasTensor:
    """As `_asmnet_features`, but each channel's mean is weighted by position, as learnt.

    Not in the paper: every map is first averaged to the size of the last one, so that there are
    few weights. They start as a plain average, so trained weights of ASMNet can be used.
    """
    return layers.Concatenate(name="features")(
        [_weighted(backbone.get_layer(name).output, i, backbone) for i, name in enumerate(TAPS)]
    )


def _weighted(features: keras.KerasTensor, number: int, backbone: keras.Model) -> keras.KerasTensor:
    cells = backbone.input_shape[1] // 32
    if (factor := features.shape[1] // cells) > 1:
        features = layers.AveragePooling2D(factor, name=f"cells_{number}")(features)
    average = keras.initializers.Constant(1 / cells**2)
    weighted = layers.DepthwiseConv2D(
        cells, use_bias=False, depthwise_initializer=average, name=f"weigh_{number}"
    )
    return layers.Flatten(name=f"pool_{number}")(weighted(features))


def _last_features(backbone: keras.Model) -> keras.KerasTensor:
    return layers.GlobalAveragePooling2D(name="pool")(backbone.output)


FEATURES: Mapping[str, Callable[[keras.Model], keras.KerasTensor]] = MappingProxyType(
    {
        "asmnet": _asmnet_features,
        "asmnet-weighted": _weighted_features,
        "mobilenetv2": _last_features,
    }
)


def multiply_adds(model: keras.Model) -> int:
    """Multiply-adds of one forward pass: convolutions and dense layers, as papers count them."""
    return sum(layer_multiply_adds(layer) for layer in model.layers)


def layer_multiply_adds(layer: layers.Layer) -> int:
    """Multiply-adds of one forward pass of ``layer``; 0 unless it is convolutional or dense."""
    if isinstance(layer, layers.DepthwiseConv2D):
        height, width, channels = layer.output.shape[1:]
        return height * width * channels * layer.kernel_size[0] * layer.kernel_size[1]
    if isinstance(layer, layers.Conv2D):
        height, width, _ = layer.output.shape[1:]
        return height * width * _size(layer.kernel)
    return _size(layer.kernel) if isinstance(layer, layers.Dense) else 0


def _size(variable: keras.Variable) -> int:
    return math.prod(variable.shape)
