"""Weights between float models (``.keras``) and the ``.npz`` that `program` reads and writes.

``python -m asmnet_edge.training.accelerated.export pull MODEL.keras WEIGHTS.npz``
``python -m asmnet_edge.training.accelerated.export push WEIGHTS.npz FACTS.toml MODEL.keras``

FACTS.toml states the variant and the crop rule; provenance is in ``WEIGHTS.json`` beside WEIGHTS.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.files import write_arrays
from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.model_facts import SCALING, units_of
from asmnet_edge.training.network import Variant, build


def pull(model: Path, weights: Path) -> None:
    """Write the weights and training units of the float model at ``model`` to ``weights``."""
    opened = load_float_model(model)
    arrays = {name: _array(variable) for name, variable in _variables(opened.network).items()}
    units = np.frombuffer(json.dumps(opened.scaling.as_json()).encode(), np.uint8)
    write_arrays(weights, {**arrays, SCALING: units})


def push(weights: Path, facts: dict[str, Any], model: Path) -> None:
    """Write a float model with ``weights``.

    ``facts`` : its ``variant``, ``crop`` and ``provenance``, as in `FloatModel`
    """
    variant = Variant(**facts["variant"])
    network = build(variant, dropout=0.0)
    with np.load(weights) as arrays:
        for name, variable in _variables(network).items():
            if arrays[name].shape != tuple(variable.shape):
                raise ModelError(
                    f"{weights}: {name} is {arrays[name].shape}, not {tuple(variable.shape)}",
                    "Give the alpha that it was trained with in the facts' [variant]",
                )
            variable.assign(arrays[name])
        scaling = units_of(arrays)
    crop = CropRule(size=variant.input_size, **facts.get("crop", {}))
    provenance = facts.get("provenance", {})
    FloatModel(network, variant, IBUG68, crop, scaling, provenance).save(model)


def _variables(network: keras.Model) -> dict[str, keras.Variable]:
    return {
        f"{layer.name}/{variable.name}": variable
        for layer in network.layers
        for variable in layer.weights
        if not variable.name.startswith("seed")
    }


def _array(variable: keras.Variable) -> NDArray[Any]:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def main() -> None:
    verb, *paths = sys.argv[1:]
    if verb == "pull":
        pull(Path(paths[0]), Path(paths[1]))
    else:
        weights = Path(paths[0])
        beside = weights.with_suffix(".json")
        stored = json.loads(beside.read_text()) if beside.exists() else {}
        push(weights, stored | tomllib.loads(Path(paths[1]).read_text()), Path(paths[2]))


if __name__ == "__main__":
    main()
