"""The toy format's exporter: the folded Keras network as a list of layers with their weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import Recipe
from asmnet_edge.errors import UsageError
from asmnet_edge.formats import Precision
from toy_format.backend import LAYERS, json_of, read_arrays


class ToyExporter:
    """Kernels in int8 have a scale for each channel; activations stay in float."""

    tools = ("tensorflow", "numpy")

    def export(self, graph: InferenceGraph, recipe: Recipe, path: Path) -> None:
        recipe.check(graph)
        network = graph.folded()
        arrays: dict[str, NDArray[Any]] = {}
        for layer in network.layers:
            for number, values in enumerate(layer.get_weights()):
                arrays |= _weights(f"{layer.name}:{number}", values, recipe.precision)
        outputs = {n: t._keras_history.operation.name for n, t in network.output.items()}
        layers = [_layer(layer) for layer in network.layers]
        described = {"layers": layers, "outputs": outputs, "scaling": _scaling(graph)}
        _save(path, {**arrays, "graph": _bytes(described)})

    def embed(self, path: Path, manifest: str) -> None:
        arrays = read_arrays(path.read_bytes())
        _save(path, {**arrays, "manifest": _bytes(json.loads(manifest))})

    def embedded(self, path: Path) -> str:
        return json.dumps(json_of(read_arrays(path.read_bytes())["manifest"]))

    def encoding(self, path: Path) -> dict[str, dict[str, Any]]:
        return {}


def _layer(layer: Any) -> dict[str, Any]:
    kind, config = type(layer).__name__, layer.get_config()
    if kind not in LAYERS:
        raise UsageError(f"the toy format has no {kind}", f"It has {', '.join(LAYERS)}")
    nodes = layer._inbound_nodes[0].input_tensors if kind != "InputLayer" else ()
    inputs = [tensor._keras_history.operation.name for tensor in nodes]
    found = {"name": layer.name, "kind": kind, "inputs": inputs, "max": config.get("max_value")}
    if kind == "ZeroPadding2D":
        found["pad"] = config["padding"]
    if "strides" in config:
        found |= {"stride": config["strides"][0], "padding": config["padding"]}
    return found


def _weights(key: str, values: NDArray[Any], precision: Precision) -> dict[str, NDArray[Any]]:
    if precision is not Precision.INT8 or values.ndim < 4:
        return {key: values}
    # of a depthwise kernel (h, w, channels, 1) and of another (h, w, inputs, outputs)
    axes = (0, 1, 3) if values.shape[3] == 1 else (0, 1, 2)
    scale = np.abs(values).max(axis=axes, keepdims=True) / 127 + np.float32(1e-12)
    return {key: np.int8(np.round(values / scale)), f"{key}:scale": np.float32(scale)}


def _scaling(graph: InferenceGraph) -> dict[str, Any]:
    scaling, pixels = graph.model.scaling, graph.model.pixels
    return {
        "offset": np.asarray(pixels.offset).tolist(),
        "pixel_scale": np.asarray(pixels.scale).tolist(),
        "shape_scale": float(scaling.shape_scale),
        "mean_shape": np.asarray(scaling.mean_shape).tolist(),
        "pose_scale": np.asarray(scaling.pose_scale).tolist(),
        "pose_mean": np.asarray(scaling.pose_mean).tolist(),
    }


def _bytes(content: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(content, sort_keys=True).encode(), np.uint8)


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)
