"""Start and continuation of a run: initial weights, checkpoints, and the facts that must agree.

A run starts from random weights or from those of a float model. A checkpoint holds everything that
the next step depends on, is written atomically, and continues only the run that wrote it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.io.files import DAMAGE, file_or_shipped, write_atomically
from asmnet_edge.training.config import TrainConfig
from asmnet_edge.training.float_model import FloatModel, load_float_model
from asmnet_edge.training.model_facts import PixelScaling
from asmnet_edge.training.network import POSITIONED, Variant

# by architecture of a float model: which architectures can start from its weights
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


# Checkpoints

KEEP = 2  # checkpoints in a folder


@dataclass(frozen=True)
class State:
    """State of a run after a step.

    step : steps done; facts : plain values; arrays : lists of arrays by name, in order
    """

    step: int
    facts: dict[str, Any]
    arrays: dict[str, list[FloatArray]]


def save_state(folder: Path, state: State) -> None:
    """Write ``state`` as ``checkpoint-<step>.npz``, and remove all but the newest `KEEP`."""
    flat = {f"{k}/{i}": a for k, arrays in state.arrays.items() for i, a in enumerate(arrays)}
    counts = {name: len(arrays) for name, arrays in state.arrays.items()}
    facts = json.dumps({"step": state.step, "counts": counts, **state.facts})
    buffer = io.BytesIO()
    np.savez(buffer, facts=np.array(facts), **flat)  # type: ignore[arg-type]
    write_atomically(folder / f"checkpoint-{state.step:08d}.npz", buffer.getvalue())
    for old in _newest_first(folder)[KEEP:]:
        old.unlink()


def load_state(folder: Path) -> tuple[State | None, list[Path]]:
    """Return the newest readable state, if any, and the newer files, which are damaged."""
    damaged: list[Path] = []
    for path in _newest_first(folder):
        try:
            return _read(path), damaged
        except DAMAGE:
            damaged.append(path)
    return None, damaged


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.npz"), reverse=True)


def _read(path: Path) -> State:
    """Read every array by name: a damaged archive directory may omit some without an error."""
    with np.load(path, allow_pickle=False) as stored:
        facts = json.loads(str(stored["facts"]))
        arrays = {
            name: [stored[f"{name}/{i}"] for i in range(count)]
            for name, count in facts.pop("counts").items()
        }
    return State(facts.pop("step"), facts, arrays)


# Continuing a run


def identity_of(
    config: TrainConfig, names: Sequence[str], origin: FloatModel | None
) -> dict[str, Any]:
    """Return the facts that a resumed run must share with the run that it continues.

    names : of all training faces, in order; origin : the model whose weights the run starts from
    """
    return {
        "configuration": config.as_json(),
        "starting model": origin.source_sha256 if origin else "",
        "set of faces": hashlib.sha256("\n".join(names).encode()).hexdigest(),
    }


def resumable_state(folder: Path, identity: Mapping[str, Any]) -> tuple[State | None, list[Path]]:
    """Return what `load_state` finds, for the run of that ``identity`` to continue.

    `ModelError` when no checkpoint can be read, or it belongs to another run.
    """
    state, damaged = load_state(folder)
    if damaged and not state:
        raise ModelError(f"no checkpoint in {folder} can be read", "Train into another folder")
    if state and (what := _difference(state, identity)):
        raise ModelError(
            f"the checkpoint in {folder} was made with another {what}",
            "Resume with the same settings and faces, or train into another folder",
        )
    return state, damaged


def _difference(state: State, identity: Mapping[str, Any]) -> str | None:
    """Name of the first part of ``identity`` that differs in ``state``.

    A setting that ``state`` does not hold has its default: runs of older versions continue.
    """
    known = {"starting model": "", **state.facts, "configuration": None}
    known["configuration"] = TrainConfig.from_json(state.facts["configuration"]).as_json()
    return next((what for what, value in identity.items() if known[what] != value), None)


def restore(variables: Sequence[keras.Variable], values: Sequence[FloatArray]) -> None:
    """Assign ``values`` to ``variables``, one by one; `ModelError` unless all shapes agree."""
    expected = [tuple(variable.shape) for variable in variables]
    if expected != [np.shape(value) for value in values]:
        raise ModelError(
            "the checkpoint's variables are not those of this network and optimizer",
            "Resume with the Keras version and backend that it was written with",
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
