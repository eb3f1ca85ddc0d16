"""The toy format's runtime: a list of layers, carried out by NumPy.

A file is an ``.npz`` with ``graph`` (JSON: the layers, the outputs, the scaling), the weights as
``LAYER:NUMBER``, in int8 with a scale for each output channel as ``LAYER:NUMBER:scale``, and
``manifest`` (JSON).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.errors import ModelError
from asmnet_edge.runtime.backends.backend import Crop, Files, InferenceBackend, Outputs, read_files

Array = NDArray[np.float32]


class ToyBackend:
    """A network of which each layer is one step."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.name = f"numpy {np.__version__}"
        graph = json_of(arrays["graph"])
        self._layers, self._outputs, self._scaling = (
            graph[key] for key in ("layers", "outputs", "scaling")
        )
        self._weights = [_weights(arrays, layer["name"]) for layer in self._layers]

    def run(self, crop: Crop) -> Outputs:
        scaling = self._scaling
        pixels = (np.float32(crop) - scaling["offset"]) * scaling["pixel_scale"]
        values: dict[str, Array] = {}
        for layer, weights in zip(self._layers, self._weights, strict=True):
            inputs = [values[name] for name in layer["inputs"]] or [np.float32(pixels)]
            values[layer["name"]] = LAYERS[layer["kind"]](layer, weights, *inputs)
        landmarks, pose = (values[self._outputs[name]][0] for name in ("landmarks", "pose"))
        landmarks = landmarks.reshape(-1, 2) * scaling["shape_scale"] + scaling["mean_shape"]
        pose = pose * scaling["pose_scale"] + scaling["pose_mean"]
        return np.float32(landmarks), np.float32(pose)


def load(path: Path, threads: int, files: Files | None = None) -> InferenceBackend:
    """The toy file at ``path``; NumPy chooses its threads itself."""
    content = (read_files(path) if files is None else files).get(path.suffix, b"")
    try:
        return ToyBackend(read_arrays(content))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} cannot be loaded as Toy: {error}") from error


def read_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a toy file; `ValueError` or `BadZipFile` when it is none."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def json_of(array: NDArray[Any]) -> Any:
    """The JSON that is kept as bytes in an array."""
    return json.loads(array.tobytes())


def _weights(arrays: Mapping[str, NDArray[Any]], name: str) -> list[Array]:
    found = []
    while f"{name}:{len(found)}" in arrays:
        key = f"{name}:{len(found)}"
        found.append(np.float32(arrays[key]) * arrays.get(f"{key}:scale", np.float32(1)))
    return found


def _patches(layer: Mapping[str, Any], size: int, image: Array) -> Array:
    """Windows (rows, columns, size, size, channels) of an image (1, h, w, channels)."""
    stride = layer["stride"]
    if layer["padding"] == "same":
        lacks = [max(0, (-(-n // stride) - 1) * stride + size - n) for n in image.shape[1:3]]
        rows, columns = ((lack // 2, lack - lack // 2) for lack in lacks)
        image = np.pad(image, ((0, 0), rows, columns, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(image[0], (size, size), (0, 1))
    return windows[::stride, ::stride].transpose(0, 1, 3, 4, 2)


def _conv(layer: Mapping[str, Any], weights: list[Array], image: Array) -> Array:
    kernel, bias = weights
    size, channels = kernel.shape[0], kernel.shape[3]
    patches = _patches(layer, size, image)
    product = patches.reshape(-1, kernel[..., 0].size) @ kernel.reshape(-1, channels)
    return (product + bias).reshape(1, *patches.shape[:2], channels)


def _depthwise(layer: Mapping[str, Any], weights: list[Array], image: Array) -> Array:
    kernel, bias = weights
    patches = _patches(layer, kernel.shape[0], image)
    return (np.einsum("hwijc,ijc->hwc", patches, kernel[..., 0]) + bias)[None]


LAYERS: Mapping[str, Any] = {
    "InputLayer": lambda layer, weights, image: image,
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "ZeroPadding2D": lambda layer, weights, image: np.pad(
        image, ((0, 0), *map(tuple, layer["pad"]), (0, 0))
    ),
    "ReLU": lambda layer, weights, values: np.clip(values, 0, layer["max"]),
    "Add": lambda layer, weights, one, other: one + other,
    "Concatenate": lambda layer, weights, *parts: np.concatenate(parts, axis=-1),
    "GlobalAveragePooling2D": lambda layer, weights, image: image.mean(axis=(1, 2)),
    "Dropout": lambda layer, weights, values: values,
    "Dense": lambda layer, weights, values: values @ weights[0] + weights[1],
}
