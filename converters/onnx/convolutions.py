"""Convolutions of a QDQ file that run in U8S8 kernels, and their activations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asmnet_edge.converters.saturation.convolution import Convolution, Window

Array = NDArray[Any]


@dataclass(frozen=True)
class QdqConvolution:
    """A convolution and its node in a file.

    codes : name of the tensor of codes; names : of the initialisers of the kernel and its scale,
    and of the bias, if any, and its scale
    """

    one: Convolution
    node: Any
    codes: str
    names: tuple[str, ...]


class Graph:
    """Constants and producers of tensors of an ONNX model, by name."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.producers = {name: node for node in model.graph.node for name in node.output}

    def value(self, name: str) -> Array:
        return numpy_helper.to_array(self.constants[name])

    def replace(self, name: str, values: Array) -> None:
        self.constants[name].CopyFrom(numpy_helper.from_array(values, name))

    def convolutions(self) -> list[QdqConvolution]:
        """Return convolutions of uint8 codes and int8 kernels, except depthwise ones."""
        nodes = [node for node in self.model.graph.node if node.op_type == "Conv"]
        found = [self._convolution(node) for node in nodes]
        return [one for one in found if one is not None and not one.one.is_depthwise]

    def _convolution(self, node: Any) -> QdqConvolution | None:
        data, weights, bias = self._dequantizers(node)
        if data is None or weights is None:
            return None
        scale, zero = self.value(data.input[1]), self.value(data.input[2])
        kernel, scales = (self.value(name) for name in weights.input[:2])
        if zero.dtype != np.uint8 or kernel.dtype != np.int8 or kernel.ndim != 4:
            return None
        window, groups = _window(node, kernel.shape[2:])
        scales = np.broadcast_to(scales, len(kernel))
        one = Convolution(node.name, kernel, scales, float(scale), int(zero), window, groups)
        names = (*weights.input[:2], *(bias.input[:2] if bias is not None else ()))
        return QdqConvolution(one, node, data.input[0], names)

    def _dequantizers(self, node: Any) -> tuple[Any, Any, Any]:
        """Return nodes that dequantise data, kernel and bias of ``node``; None for each without."""
        made = [self.producers.get(name) for name in [*node.input, "", ""][:3]]
        data, weights, bias = (m if m and m.op_type == "DequantizeLinear" else None for m in made)
        if data is not None and len(data.input) < 3:
            data = None
        if weights is not None and weights.input[0] not in self.constants:
            weights = None
        return data, weights, bias


def _window(node: Any, kernel: tuple[int, ...]) -> tuple[Window, int]:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    window = Window(
        (kernel[0], kernel[1]),
        tuple(given.get("strides", (1, 1))),
        tuple(given.get("pads", (0, 0, 0, 0))),
        tuple(given.get("dilations", (1, 1))),
    )
    return window, int(given.get("group", 1))


def codes_of(
    model: Any, found: list[QdqConvolution], crops: NDArray[np.uint8]
) -> Iterator[dict[str, Array]]:
    """Yield the input codes (channels, h, w) uint8 of each of ``found`` by name, for each crop.

    Without optimisation ONNX Runtime computes QDQ operators in float: with the same results on
    every CPU, and without saturation.
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = list(dict.fromkeys(one.codes for one in found))
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in names
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    for crop in crops:
        values = dict(zip(names, session.run(names, {"image": crop[None]}), strict=True))
        yield {one.one.name: values[one.codes][0] for one in found}
