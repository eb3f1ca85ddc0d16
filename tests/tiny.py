"""A small float model with random but well-behaved weights, to convert and to measure in tests.

Several rooms' ``conftest.py`` run this file by its path.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.calibration.calibration_set import CalibrationSet, calibrate_on
from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.geometry.crop import CropRule, to_relative, transform
from asmnet_edge.geometry.landmarks import FloatArray, bounding_box
from asmnet_edge.geometry.pose import mean_face
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.model_facts import PixelScaling, TargetScaling
from asmnet_edge.training.network import Variant, build

VARIANT = Variant(alpha=0.35, input_size=96)
RULE = CropRule(size=96)


def tiny_calibration(count: int = 32) -> CalibrationSet:
    return calibrate_on(DrawnFaces(count + 8, size=128), RULE, count)


def tiny_model(architecture: str = "asmnet") -> FloatModel:
    keras.utils.set_random_seed(0)
    variant = replace(VARIANT, architecture=architecture)
    network = build(variant)
    settle_norms(network, tiny_calibration().crops)
    pose = np.array([1.0, -2, 3]), np.array([20.0, 10, 5])
    scaling = TargetScaling(mean_shape(), 0.05, *pose)
    return FloatModel(network, variant, IBUG68, RULE, scaling, {"licence": "drawn for tests"})


def settle_norms(network: keras.Model, crops: NDArray[np.uint8]) -> None:
    """Random gammas and betas, and moving statistics as ``crops`` make them.

    Gammas below one keep the random network from blowing up the noise of eight bits.
    """
    rng = np.random.default_rng(0)
    norms = [n for n in network.layers if isinstance(n, keras.layers.BatchNormalization)]
    for norm in norms:
        gamma, beta, *moving = norm.get_weights()
        drawn = rng.uniform(0.3, 0.6, gamma.shape), rng.normal(0.5, 0.2, beta.shape)
        norm.set_weights([*drawn, *moving])
        norm.momentum = 0.0
    network(PixelScaling().apply(crops), training=True)


def mean_shape() -> FloatArray:
    """The mean face (68, 2), relative to its crop."""
    points = mean_face()[:, :2]
    return to_relative(transform(points, RULE.matrix(bounding_box(points))), RULE.size)
