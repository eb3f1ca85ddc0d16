"""The float model whose weights a run starts from, unless it starts from random ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.files import file_or_shipped
from asmnet_edge.training.config import TrainConfig
from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.model_facts import PixelScaling
from asmnet_edge.training.network import POSITIONED, Variant

# by architecture of the model: which architectures can start from its weights
SUCCESSORS = {"asmnet": {"asmnet", "asmnet-weighted"}}


def initial_model(config: TrainConfig, scheme: LandmarkScheme) -> FloatModel | None:
    """Return the model of ``config.weights``, whose training units the run keeps; None without one.

    `ModelError` when a run of ``config`` on faces of ``scheme`` cannot start from it.
    """
    if not config.weights:
        return None
    model = load_float_model(file_or_shipped(Path(config.weights)))
    if not _accepts(config.variant, model.variant) or model.scheme is not scheme:
        raise ModelError(
            f"{config.weights} holds {_described(model.variant)}; "
            f"{_described(config.variant)} is to be trained",
            "Start from a float model of the same architecture, alpha and points",
        )
    if (model.pixels, model.crop.margin) != (PixelScaling(), CropRule().margin):
        raise ModelError(
            f"{config.weights} takes other pixels or another crop than training makes",
            "Start from a float model that asmnet-edge train wrote",
        )
    return model


def copy_weights(network: keras.Model, origin: keras.Model) -> None:
    """Set the weights of ``network`` to those of ``origin``, layer by layer, by name.

    Layers that only ``network`` has keep theirs.
    """
    for layer in origin.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())


def _accepts(variant: Variant, origin: Variant) -> bool:
    """Whether all but the input size agree, and that too where weights depend on positions."""
    free = origin.architecture not in POSITIONED
    size = variant.input_size if free else origin.input_size
    successors = SUCCESSORS.get(origin.architecture, {origin.architecture})
    same = replace(origin, architecture=variant.architecture, input_size=size)
    return variant.architecture in successors and variant == same


def _described(variant: Variant) -> str:
    """Such as: asmnet of alpha 1 with 68 points (224 px)."""
    name = f"{variant.architecture} of alpha {variant.alpha:g}"
    return f"{name} with {variant.points} points ({variant.input_size} px)"
