"""The convolutions of a QDQ file that run in U8S8 kernels, and the activations they meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from asmnet_edge.converters.saturation.choice import Window

Array = NDArray[Any]


@dataclass(frozen=True)
class Convolution:
    """A convolution of uint8 codes with an int8 kernel.

    codes : name of the tensor of codes; scale, zero : of the codes; kernel : (out, in / groups, h, w)
    kernel_scale : (out,); names : of the initialisers of the kernel, its scale, bias, bias' scale
    """

    node: Any
    codes: str
    scale: float
    zero: int
    kernel: NDArray[np.int8]
    kernel_scale: Array
    names: tuple[str, ...]
    window: Window
    groups: int

    @property
    def channels(self) -> int:
        return int(self.kernel.shape[1])


class Graph:
    """An ONNX model's constants and makers of tensors, by name."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.makers = {name: node for node in model.graph.node for name in node.output}

    def value(self, name: str) -> Array:
        return numpy_helper.to_array(self.constants[name])

    def replace(self, name: str, values: Array) -> None:
        self.constants[name].CopyFrom(numpy_helper.from_array(values, name))

    def dequantized(self, name: str) -> Any | None:
        """The DequantizeLinear that makes ``name``, if one does."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == "DequantizeLinear" else None

    def convolutions(self) -> Iterator[Convolution]:
        """Those of uint8 codes and int8 kernels, depthwise ones left out: they don't saturate."""
        for node in self.model.graph.node:
            if node.op_type == "Conv":
                found = self._convolution(node)
                if found is not None and found.groups != len(found.kernel):
                    yield found

    def _convolution(self, node: Any) -> Convolution | None:
        data, weights = (self.dequantized(name) for name in node.input[:2])
        if data is None or weights is None or weights.input[0] not in self.constants:
            return None
        if len(data.input) < 3 or self.value(data.input[2]).dtype != np.uint8:
            return None
        kernel = self.value(weights.input[0])
        if kernel.dtype != np.int8 or kernel.ndim != 4:
            return None
        bias = self.dequantized(node.input[2]) if len(node.input) > 2 else None
        names = (*weights.input[:2], *(bias.input[:2] if bias is not None else ()))
        window, groups = _window(node, kernel.shape[2:])
        return Convolution(
            node,
            data.input[0],
            float(self.value(data.input[1])),
            int(self.value(data.input[2])),
            kernel,
            np.broadcast_to(self.value(weights.input[1]), len(kernel)),
            names,
            window,
            groups,
        )


def _window(node: Any, kernel: tuple[int, int]) -> tuple[Window, int]:
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    window = Window(
        (int(kernel[0]), int(kernel[1])),
        tuple(given.get("strides", (1, 1))),
        (top, left, bottom, right),
        tuple(given.get("dilations", (1, 1))),
    )
    return window, int(given.get("group", 1))


def codes_of(model: Any, names: list[str], crops: NDArray[np.uint8]) -> Iterator[dict[str, Array]]:
    """The uint8 tensors ``names`` (channels, h, w) for each crop, by float arithmetic.

    Without optimisation ONNX Runtime computes what lies between two quantisers in float: the same
    on every CPU, and nothing saturates.
    """
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    taken = list(dict.fromkeys(names))
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in taken
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    for crop in crops:
        values = session.run(taken, {"image": crop[None]})
        yield {name: value[0] for name, value in zip(taken, values, strict=True)}
