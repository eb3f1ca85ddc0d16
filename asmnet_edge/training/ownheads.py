"""Outputs of an imported network: which are landmarks and pose, and a pose head if it has none."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers

from asmnet_edge.crop import CropRule
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.schemes import LandmarkScheme
from asmnet_edge.training.flat import Flattener
from asmnet_edge.training.posefit import LinearPose
from asmnet_edge.training.targets import TargetScaling

Tensors = dict[str, Any]
POSE = "pose"


def choose_outputs(
    network: keras.Model, scheme: LandmarkScheme, landmarks: str, pose: str
) -> Tensors:
    """Return the outputs "landmarks" and, where there is one, "pose" of ``network``.

    landmarks, pose : their names in the network. If empty, landmarks are the only output with
    2 x points numbers, and pose is the output of that name. `UsageError` for an unknown name,
    `ModelError` for an output of another shape.
    """
    outputs = _named(network)
    landmarks = landmarks or _only(outputs, scheme)
    pose = pose or (POSE if POSE in outputs and _size(outputs[POSE]) == 3 else "")
    found = {"landmarks": landmarks, POSE: pose}
    if unknown := [name for name in found.values() if name and name not in outputs]:
        raise UsageError(f"it has no output {unknown[0]!r}", f"Its outputs: {_listed(outputs)}")
    wanted = {"landmarks": 2 * scheme.points, POSE: 3}
    for what, name in found.items():
        shape = tuple(outputs[name].shape[1:]) if name else ()
        pairs = what == POSE or len(shape) == 1 or shape == (scheme.points, 2)
        if name and not (_size(outputs[name]) == wanted[what] and pairs):
            raise ModelError(
                f"its output {name} is {shape}, expected {wanted[what]} numbers for {what}",
                f"{scheme.name} has {scheme.points} points, x and y by turns: another --scheme?",
            )
    return {what: outputs[name] for what, name in found.items() if name}


def _named(network: keras.Model) -> Tensors:
    """Outputs by the name that they have in a dictionary, else by that of their layer."""
    if isinstance(network.output, dict):
        return dict(network.output)
    return {tensor._keras_history.operation.name: tensor for tensor in network.outputs}


def _only(outputs: Tensors, scheme: LandmarkScheme) -> str:
    fitting = [name for name, tensor in outputs.items() if _size(tensor) == 2 * scheme.points]
    if len(fitting) == 1:
        return fitting[0]
    which = "none" if not fitting else "more than one"
    cure = "Another --scheme?" if not fitting else "Say which: --landmarks"
    raise ModelError(
        f"of its outputs {_listed(outputs)} {which} has the 2 x {scheme.points} numbers of "
        f"{scheme.name}",
        cure,
    )


def _size(tensor: Any) -> int:
    shape = tensor.shape[1:]
    return 0 if None in shape else math.prod(shape)


def _listed(outputs: Tensors) -> str:
    return ", ".join(f"{name} {tuple(tensor.shape[1:])}" for name, tensor in outputs.items())


def complete_heads(
    tensors: Tensors,
    flattener: Flattener,
    scheme: LandmarkScheme,
    rule: CropRule,
    scaling: TargetScaling,
) -> tuple[Tensors, dict[str, float]]:
    """Return outputs (N, 2n) and (N, 3), with a pose fitted to the landmarks if there is none.

    The second result holds the mean error of a fitted pose on drawn faces, in degrees.
    """
    given = {name: _vector(tensor, name, flattener) for name, tensor in tensors.items()}
    if POSE in given:
        return given, {}
    linear = LinearPose.fit(scheme, rule)
    # landmarks = output * shape_scale + mean_shape, so the same for what the network gives
    kernel = linear.matrix * scaling.shape_scale
    offset = linear.offset + np.ravel(scaling.mean_shape) @ linear.matrix
    pose = _pose(given["landmarks"], kernel, offset, flattener.named(POSE))
    return {**given, POSE: pose}, {"pose_fitted_error_degrees": round(linear.error, 2)}


def _vector(tensor: Any, name: str, flattener: Flattener) -> Any:
    return layers.Flatten(name=flattener.named(name))(tensor) if len(tensor.shape) > 2 else tensor


def _pose(landmarks: Any, kernel: Any, offset: Any, name: str) -> Any:
    """Pose (N, 3): a dense layer on the input of the landmarks' dense layer, if that is linear.

    In int8 its inputs then are those features, instead of the landmarks in 256 steps.
    """
    head, dense = landmarks._keras_history.operation, layers.Dense(3, name=name)
    if not is_linear(head):
        pose = dense(landmarks)
        dense.set_weights([kernel, offset])
        return pose
    weights, *bias = head.get_weights()
    pose = dense(head.input)
    dense.set_weights([weights @ kernel, (bias[0] @ kernel if bias else 0) + offset])
    return pose


def is_linear(layer: layers.Layer) -> bool:
    """Whether ``layer`` is a dense layer without activation."""
    return isinstance(layer, layers.Dense) and layer.activation is keras.activations.linear
