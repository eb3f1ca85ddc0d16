"""Measure int8 of seven kinds of networks in exact and in saturating arithmetic.

    python scripts/check_kinds.py [--data data/300w] [--kinds leaky pyramid ...]

Each has random convolutions with settled batch norms, and heads fitted by ridge regression to faces
of 300W's training part, or to drawn ones. A row has the deviation from the float model of the file
as `convert` makes it and of one without pair limits, in both arithmetics, on faces that nothing
was fitted to or calibrated on. Exit code 1 where the worse arithmetic deviates by more than 1.2
times what exact arithmetic gives without limits.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np
from keras import layers as L  # noqa: N812

from asmnet_edge.cli.console import silenced
from asmnet_edge.converters.accuracy.scores import annotated_crops, score
from asmnet_edge.converters.calibration.calibration_set import CalibrationSet
from asmnet_edge.converters.checks.arithmetic import EXACT, SATURATING, open_in_both
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import Recipe, exporter_for
from asmnet_edge.converters.onnx import onnx_exporter as onnx
from asmnet_edge.converters.openvino import openvino_exporter as openvino
from asmnet_edge.datasets.annotated_crops import AnnotatedCrops
from asmnet_edge.datasets.catalog import open_dataset
from asmnet_edge.datasets.sample import learnable
from asmnet_edge.formats import format_named, format_names
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68, WFLW98
from asmnet_edge.io.manifest import Precision
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.model_facts import PixelScaling, TargetScaling
from asmnet_edge.training.network import IMPORTED, Variant, build

SIZE, MOST = 96, 1.2
RIDGE = 0.03  # of the mean variance of a feature
CALIBRATION, HELD_OUT = 64, 48
Tensor = Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="synthetic:400", help="faces, such as 300w:DIR")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument(
        "--formats", nargs="+", default=list(format_names()), choices=format_names()
    )
    parser.add_argument("--faces", type=int, default=400)
    given = parser.parse_args()
    crops, points = faces_of(given.data, given.faces)
    print(
        "network         | format   | exact % | saturating | no limit: exact | saturating | ratio"
    )
    worst = 0.0
    for kind in given.kinds:
        with silenced():
            model = make(kind, crops[: -CALIBRATION - HELD_OUT], points[: -CALIBRATION - HELD_OUT])
        for name in given.formats:
            worst = max(worst, report(kind, name, model, crops))
    sys.exit(1 if worst > MOST else 0)


def faces_of(data: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return crops (n, s, s, 3) and landmarks (n, 68, 2) of the training part, shuffled."""
    samples = learnable(open_dataset(data).samples("train"))
    samples = [samples[i] for i in np.linspace(0, len(samples) - 1, count).astype(int)]
    faces = annotated_crops(samples, CropRule(size=SIZE))
    assert faces.landmarks is not None
    shuffled = np.random.default_rng(0).permutation(count)
    return faces.crops[shuffled], faces.landmarks[shuffled]


def make(kind: str, crops: np.ndarray, points: np.ndarray) -> FloatModel:
    """Return the network of that kind with its heads fitted to ``crops``."""
    keras.utils.set_random_seed(3)
    scheme = WFLW98 if kind == "98 points" else IBUG68
    if scheme is WFLW98:  # between those of 68, which serves a test
        points = points[:, np.linspace(0, 67, 98).round().astype(int)]
    pose = np.stack([points[:, 0, 0], points[:, 16, 0], points[:, 8, 1]], axis=1) * 90
    scaling, pixels = TargetScaling.fit(points, pose), PixelScaling()
    alpha = 0.35 if kind == "alpha 0.35" else 1.0
    architecture = "asmnet" if kind == "alpha 0.35" else IMPORTED
    variant = Variant(architecture, alpha, SIZE, scheme.points)
    network = build(variant) if architecture == "asmnet" else with_heads(KINDS[kind], scheme.points)
    # gammas below one keep a deep random network from blowing up the noise of eight bits
    settle(network, pixels.apply(crops[:64]), 0.6 if architecture == "asmnet" else 1.7)
    fit(network, pixels.apply(crops), *scaling.standardise(points, pose))
    return FloatModel(network, variant, scheme, CropRule(size=SIZE), scaling, {})


def with_heads(body: Callable[[Tensor], Tensor], points: int) -> keras.Model:
    """Return the network of ``body`` with heads for landmarks and pose."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    features = body(image)
    heads = {"landmarks": L.Dense(2 * points, name="landmarks"), "pose": L.Dense(3, name="pose")}
    outputs = {name: head(features) for name, head in heads.items()}
    return keras.Model(image, outputs)


def settle(network: keras.Model, pixels: np.ndarray, largest: float) -> None:
    """Set gammas and betas as trained networks have them, and the statistics of ``pixels``."""
    rng = np.random.default_rng(3)
    norms = [layer for layer in network.layers if isinstance(layer, L.BatchNormalization)]
    for norm in norms:
        weights = norm.get_weights()
        if norm.scale:
            weights[0] = rng.uniform(0.3, largest, weights[0].shape)
        if norm.center:
            weights[int(norm.scale)] = rng.normal(0, 0.3, weights[0].shape)
        norm.set_weights(weights)
        norm.momentum = 0.0
    network(pixels, training=True)


def fit(network: keras.Model, pixels: np.ndarray, points: np.ndarray, pose: np.ndarray) -> None:
    """Fit the heads to the targets by ridge regression on their inputs."""
    for name, targets in (("landmarks", points.reshape(len(points), -1)), ("pose", pose)):
        head = network.get_layer(name)
        features = keras.Model(network.inputs, head.input).predict(pixels, verbose=0).astype("f8")
        mean, spread = features.mean(axis=0), max(np.sqrt(features.var(axis=0).mean()), 1e-9)
        scaled = (features - mean) / spread
        gram = scaled @ scaled.T
        gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        weights = scaled.T @ np.linalg.solve(gram, targets - targets.mean(axis=0)) / spread
        bias = targets.mean(axis=0) - mean @ weights
        head.set_weights([weights.astype("f4"), bias.astype("f4")])


def report(kind: str, name: str, model: FloatModel, crops: np.ndarray) -> float:
    """Print a row; return the worse deviation over that in exact arithmetic without limits."""
    calibration, held_out = crops[-CALIBRATION - HELD_OUT : -HELD_OUT], crops[-HELD_OUT:]
    recipe = Recipe(Precision.INT8, CalibrationSet(calibration, held_out, "check of kinds"))
    graph, faces = InferenceGraph(model), AnnotatedCrops(held_out, model.scheme)
    reference = model.predict(held_out)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"int8{format_named(name).suffix}"
        limited = measure(graph, recipe, name, path, faces, reference)
        with without_limits():
            before = measure(graph, recipe, name, path, faces, reference)
    ratio = max(limited.values()) / before[EXACT]
    cells = [f"{one[key]:.3f}" for one in (limited, before) for key in (EXACT, SATURATING)]
    print(f"{kind:15} | {name:8} | {' | '.join(cells)} | {ratio:.2f}", flush=True)
    return ratio


def measure(graph: InferenceGraph, recipe: Recipe, name: str, path: Path, faces: AnnotatedCrops,
            reference: np.ndarray) -> dict[str, float]:  # fmt: skip
    with silenced():
        exporter_for(name).export(graph, recipe, path)
        outputs = open_in_both(path).run(faces.crops)
    return {key: score(faces, one[0], reference).deviation for key, one in outputs.items()}


class without_limits:  # noqa: N801
    """Context without pair limits: weights stay as the quantisers round them."""

    def __enter__(self) -> None:
        self._kept = onnx.limit, openvino.limit
        onnx.limit = openvino.limit = lambda *given: []

    def __exit__(self, *raised: object) -> None:
        onnx.limit, openvino.limit = self._kept


# kinds of networks: functions from an image to the features that the heads take


def conv(x: Tensor, filters: int, stride: int = 1, kernel: int = 3, act: Any = "relu") -> Tensor:
    x = L.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = L.BatchNormalization()(x)
    return act(x) if callable(act) else L.Activation(act)(x)


def leaky(x: Tensor) -> Tensor:
    for filters in (16, 24, 32):
        x = conv(x, filters, 2, act=L.LeakyReLU(negative_slope=0.3))
    y = conv(x, 32, act=L.LeakyReLU(negative_slope=0.3))
    return L.Flatten()(L.AveragePooling2D(2)(L.Add()([x, y])))


def pyramid(x: Tensor) -> Tensor:
    a = conv(conv(x, 16, 2), 24, 2)
    b = conv(a, 32, 2)
    c = conv(b, 48, 2)
    up = L.Add()([conv(L.UpSampling2D(2)(c), 32, kernel=1), b])
    up = L.Concatenate()([L.UpSampling2D(2)(up), a])
    pooled = L.AveragePooling2D(4)(conv(up, 16, kernel=1))
    return L.Concatenate()([L.Flatten()(pooled), L.GlobalAveragePooling2D()(c)])


def odd_norms(x: Tensor) -> Tensor:
    x = conv(conv(x, 16, 2), 24, 2)
    for filters in (24, 32):
        y = L.Activation("relu")(L.BatchNormalization()(x))  # before the convolution
        y = L.Conv2D(filters, 3, padding="same")(y)
        y = L.BatchNormalization(scale=False)(L.Activation("relu")(y))  # after the activation
        x = y if filters != x.shape[-1] else L.Add()([x, y])
        x = L.MaxPooling2D(2)(x)
    return L.Flatten()(L.BatchNormalization(center=False)(x))


def max_pooled(x: Tensor) -> Tensor:
    for filters in (16, 32, 64, 128):
        x = conv(x, filters, 2)
    x = conv(x, 256, kernel=1)
    return L.Concatenate()([L.GlobalMaxPooling2D()(x), L.GlobalAveragePooling2D()(x)])


def mobile(x: Tensor) -> Tensor:
    """MobileNetV3's parts: hard swish, squeeze and excitation."""
    x = conv(x, 16, 2, act="hard_silu")
    for filters, stride in ((24, 2), (40, 2), (40, 1), (64, 2)):
        y = conv(x, 4 * filters, kernel=1, act="hard_silu")
        y = L.DepthwiseConv2D(5, strides=stride, padding="same", use_bias=False)(y)
        y = L.Activation("hard_silu")(L.BatchNormalization()(y))
        gate = L.GlobalAveragePooling2D(keepdims=True)(y)
        gate = L.Conv2D(filters, 1, activation="relu")(gate)
        gate = L.Conv2D(4 * filters, 1, activation="hard_sigmoid")(gate)
        y = conv(L.Multiply()([y, gate]), filters, kernel=1, act="linear")
        x = L.Add()([x, y]) if stride == 1 else y
    return L.Flatten()(conv(x, 64, kernel=1, act="hard_silu"))


def plain(x: Tensor) -> Tensor:
    for filters in (16, 24, 32, 48):
        x = conv(x, filters, 2, act=L.ReLU(6.0))
    return L.Flatten()(x)


KINDS: dict[str, Any] = {
    "leaky": leaky,
    "pyramid": pyramid,
    "odd norms": odd_norms,
    "max pooled": max_pooled,
    "mobile": mobile,
    "98 points": plain,
    "alpha 0.35": None,
}

if __name__ == "__main__":
    main()
