"""Import of the Keras 2 ``.h5`` models of ASMNet's authors as float models.

The conventions of their files, from github.com/aliprf/ASMNet:

* the network (``cnn_model.py``): Keras' MobileNetV2 at alpha 1 and 224 px with its layers' names;
  ASMNet concatenates the means of six maps in the order of `asmnet_edge.training.network.TAPS`;
  linear heads ``O_L`` (x and y by turns) and ``O_P`` (yaw, pitch, roll)
* the input (``train.py``, ``test.py``): p / 255, RGB, since skimage reads it
* landmarks (``train.py``): (112 - p) / 224, so relative to the crop 0.5 - o. Their p counts from
  the crop's edge, though annotations are taken as they come, in 300W from 1: half a pixel of the
  uncut picture remains unknown.
* the crop (``image_utility.py``): the landmarks' box and 0 to 10 px more on each side, about
  1.05 x a 200-px face, squeezed to a square. Our crop rule keeps the aspect ratio instead.

and from github.com/aliprf/DeepASMNetwork, which trained them:

* pose (``tf_record_utility.py``, ``test.py``): degrees / 65 of HopeNet, whose yaw is positive when
  the nose points to the picture's left (github.com/natanielruiz/deep-head-pose, ``code/utils.py``)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError, UsageError
from asmnet_edge.geometry.crop import CropRule
from asmnet_edge.geometry.schemes import scheme_with
from asmnet_edge.importers.hdf5 import Weights, read_weights
from asmnet_edge.io.files import sha256
from asmnet_edge.training.float_model import FloatModel
from asmnet_edge.training.model_facts import PixelScaling, TargetScaling
from asmnet_edge.training.network import Variant, build

MARGIN = 1.05
PIXELS = PixelScaling(offset=0.0, scale=1 / 255)
POSE_DEGREES = 65.0
ARCHITECTURES = {536: "asmnet", 1280: "mobilenetv2"}  # by the features that the heads take
HEADS = {"landmarks": "O_L", "pose": "O_P"}  # our name -> theirs
HEAD_SIGNS = {"landmarks": np.array(-1.0), "pose": np.array([-1.0, 1.0, 1.0])}
CHANNELS = ("rgb", "bgr")
FIRST = "Conv1"
CURE = "Expected ASMNet or MobileNetV2 at alpha 1 with the heads O_L and O_P"


def import_h5(path: Path, channels: str = "rgb", margin: float = MARGIN) -> FloatModel:
    """Return the official model at ``path`` as a float model; `ModelError` names misfits.

    channels : order that it was trained with, "rgb" or "bgr"; margin : of the crop rule
    """
    if channels not in CHANNELS:
        raise UsageError(f"no channel order {channels!r}", f"Known: {', '.join(CHANNELS)}")
    weights = read_weights(path)
    try:
        variant = _variant(weights)
        scheme, network = scheme_with(variant.points), build(variant)
        _fill(network, weights, channels)
    except (ModelError, UsageError) as error:
        raise ModelError(f"{path} is no official model: {error.message}", CURE) from error
    crop, origin = CropRule(margin, variant.input_size), {"file": path.name, "sha256": sha256(path)}
    provenance = {"imported": {**origin, "channels": channels}}
    return FloatModel(
        network, variant, scheme, crop, _scaling(variant.points), provenance, pixels=PIXELS
    )


def _variant(weights: Weights) -> Variant:
    """Variant by the shape of the landmark head: architecture and number of points."""
    shapes = [w.shape for name, w in weights.items() if _is_kernel(name, HEADS["landmarks"])]
    if len(shapes) != 1:
        raise ModelError(f"it has {len(shapes)} weights O_L/kernel, expected one")
    features, outputs = shapes[0] if len(shapes[0]) == 2 else (0, 0)
    if features not in ARCHITECTURES or outputs % 2:
        known = " or ".join(map(str, ARCHITECTURES))
        raise ModelError(f"its O_L/kernel is {shapes[0]}, expected ({known}, 2 x points)")
    return Variant(ARCHITECTURES[features], points=outputs // 2)


def _is_kernel(name: str, layer: str) -> bool:
    *groups, weight = name.split("/")
    return layer in groups and weight == "kernel"


def _fill(network: keras.Model, weights: Weights, channels: str) -> None:
    variables = _variables(network)
    values = _by_variable(weights, variables)
    _refuse_misfits(values, variables)
    for name, variable in variables.items():
        variable.assign(values[name])
    _adapt(network, channels)


def _variables(network: keras.Model) -> dict[str, keras.Variable]:
    """Variables of the network by their names in Keras 2, ``layer/weight``."""
    return {
        f"{HEADS.get(layer.name, layer.name)}/{_keras2_name(layer, variable)}": variable
        for layer in network.layers
        for variable in layer.weights
    }


def _keras2_name(layer: layers.Layer, variable: keras.Variable) -> str:
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    return "depthwise_kernel" if depthwise and variable.name == "kernel" else str(variable.name)


def _by_variable(weights: Weights, expected: Collection[str]) -> Weights:
    """``weights`` by ``layer/weight``, the layer being the innermost group that has a known name.

    So the backbone may be nested as a layer, and ``Conv1/Conv1_1/kernel`` is the kernel of Conv1,
    as Keras 2 names layers that a process builds a second time.
    """
    known, found = {name.split("/")[0] for name in expected}, Weights()
    for path, values in weights.items():
        *groups, weight = path.split("/")
        layer = next((group for group in reversed(groups) if group in known), None)
        name = f"{layer}/{weight}" if layer else path
        if name in found:
            raise ModelError(f"it holds {name} twice")
        found[name] = values
    return found


def _refuse_misfits(values: Weights, variables: Mapping[str, keras.Variable]) -> None:
    """`ModelError` naming weights that are missing, extra, of a wrong shape or not finite."""
    problems = {
        "missing": [name for name in variables if name not in values],
        "not part of the network": [name for name in values if name not in variables],
        "of another shape": [
            f"{name} {values[name].shape} instead of {tuple(v.shape)}"
            for name, v in variables.items()
            if name in values and values[name].shape != tuple(v.shape)
        ],
        "not finite": [name for name, value in values.items() if not np.isfinite(value).all()],
    }
    lines = [f"{problem}: {_listed(names)}" for problem, names in problems.items() if names]
    if lines:
        raise ModelError("; ".join(lines))


def _listed(names: list[str], most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _adapt(network: keras.Model, channels: str) -> None:
    """Heads to our signs, the first convolution to RGB. Exact: padding is 0 in every channel."""
    for name, sign in HEAD_SIGNS.items():
        head = network.get_layer(name)
        head.set_weights([weights * sign for weights in head.get_weights()])
    if channels == "bgr":
        first = network.get_layer(FIRST)
        kernel: NDArray[np.float32] = first.get_weights()[0]
        first.set_weights([kernel[:, :, ::-1]])


def _scaling(points: int) -> TargetScaling:
    """Landmarks around the crop's centre in units of its side; pose in units of 65 degrees."""
    centre, degrees = np.full((points, 2), 0.5), np.full(3, POSE_DEGREES)
    return TargetScaling(centre, 1.0, np.zeros(3), degrees)
