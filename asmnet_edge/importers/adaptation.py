"""Adaptation of an imported network to the contract: its pixels, its outputs, and its head pose.

Rescaling of pixels is folded into the facts of the model, BGR becomes RGB, and the outputs with
landmarks and pose are chosen. A network that gives landmarks alone gets a pose head: pose = A p + c
by least squares, p the rigid points of drawn faces in crops, towards the pose that `fit_pose` finds
for each. For a head that is turned far, landmarks are not linear in its angles: the mean error
states what that costs. No picture is rendered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from asmnet_edge.datasets.synthetic import DrawnFaces
from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule, to_relative, transform
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.pose import fit_pose, rigid_points
from asmnet_edge.geometry.schemes import LandmarkScheme
from asmnet_edge.importers.flattening import Flattener
from asmnet_edge.training.model_facts import PixelScaling, TargetScaling

FACES, OTHERS = 400, 150
CROPS = 8  # of each face, every one cut another way
SIZE = 256  # pixels of the drawn pictures
NOISE = 0.004  # of the crop's side: a network's points are not exact
SHIFT, SCALE = 0.04, 0.08  # standard deviations, as a detector's boxes lie


@dataclass(frozen=True)
class LinearPose:
    """Linear function from landmarks relative to the crop, x0, y0, x1, ..., to pose in degrees.

    matrix : (2n, 3); offset : (3,); error : mean over faces and axes on other drawn faces, degrees
    """

    matrix: FloatArray
    offset: FloatArray
    error: float

    @classmethod
    def fit(cls, scheme: LandmarkScheme, rule: CropRule) -> LinearPose:
        """Fit to crops by ``rule``; `ModelError` unless ``scheme`` maps to iBUG's 68 points."""
        if not scheme.to_ibug68:
            raise ModelError(
                f"it gives no pose, and none can be fitted to {scheme.name} landmarks",
                "Import a network with an output pose, or set LandmarkScheme.to_ibug68",
            )
        points, pose = _shapes(FACES, 0, rule)
        features = np.column_stack([points, np.ones(len(points))])
        weights = np.linalg.lstsq(features, pose, rcond=None)[0]
        others, truth = _shapes(OTHERS, 1, rule)
        error = np.abs(others @ weights[:-1] + weights[-1] - truth).mean()
        matrix = np.zeros((scheme.points, 2, 3))
        rigid = [scheme.to_ibug68[i] for i in rigid_points()]
        matrix[rigid] = weights[:-1].reshape(-1, 2, 3)
        return cls(matrix.reshape(-1, 3), weights[-1], float(error))


def _shapes(count: int, seed: int, rule: CropRule) -> tuple[FloatArray, FloatArray]:
    """Rigid points (crops, 2 x points) of ``count`` drawn faces in jittered crops, and poses."""
    rng = np.random.default_rng(seed)
    faces = DrawnFaces(count, seed, SIZE).samples("train")
    whole = np.stack([_in_crop(face.landmarks, rule) for face in faces])
    pose, points = fit_pose(whole), np.repeat(whole[:, rigid_points()], CROPS, axis=0)
    points = (points - 0.5) * np.exp(rng.normal(0, SCALE, (len(points), 1, 1))) + 0.5
    points += rng.normal(0, SHIFT, (len(points), 1, 2)) + rng.normal(0, NOISE, points.shape)
    return points.reshape(len(points), -1), np.repeat(pose, CROPS, axis=0)


def _in_crop(landmarks: Landmarks, rule: CropRule) -> FloatArray:
    return to_relative(transform(landmarks.points, rule.matrix(landmarks)), rule.size)


# Pixels: folding the first rescaling, and turning BGR into RGB


def fold_rescaling(network: keras.Model, pixels: PixelScaling) -> tuple[keras.Model, PixelScaling]:
    """Return ``network`` without its first rescaling layers, and ``pixels`` with them folded in.

    ((p - o) s) a + b = (p - (o - b / (s a))) s a. A rescaling that differs by channel stays.
    """
    first = _only_consumer(network.inputs[0])
    if not isinstance(first, layers.Rescaling) or np.ndim(first.scale) or np.ndim(first.offset):
        return network, pixels
    scale = pixels.scale * first.scale
    if not scale > 0:
        return network, pixels
    folded = PixelScaling(pixels.offset - first.offset / scale, scale)
    return fold_rescaling(_without(network, first), folded)


def _without(network: keras.Model, removed: layers.Layer) -> keras.Model:
    def call(layer: layers.Layer, *tensors: Any, **options: Any) -> Any:
        return tensors[0] if layer.name == removed.name else layer(*tensors, **options)

    shorter = keras.models.clone_model(network, call_function=call)
    shorter.set_weights(network.get_weights())
    return shorter


def to_rgb(network: keras.Model) -> None:
    """Turn the first convolution's channels from BGR to RGB; exact, since each is padded with 0.

    `ModelError` when the picture does not go straight into one convolution.
    """
    layer: Any = _only_consumer(network.inputs[0])
    while isinstance(layer, layers.ZeroPadding2D | layers.Cropping2D):
        layer = _only_consumer(layer.output)
    if type(layer) is not layers.Conv2D or layer.groups != 1:
        raise ModelError(
            "its channels cannot be turned to RGB: its picture does not go straight into one "
            "convolution",
            "Put layers.Conv2D(3, 1) that swaps them before it, and import that as rgb",
        )
    kernel, *bias = layer.get_weights()
    layer.set_weights([kernel[:, :, ::-1], *bias])


def _only_consumer(tensor: Any) -> layers.Layer | None:
    """The layer that takes ``tensor``, or None if there are several."""
    nodes = tensor._keras_history.operation._outbound_nodes
    return nodes[0].operation if len(nodes) == 1 else None


# Outputs: which are landmarks and pose, and a pose head if there is none

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
