"""Compression of weights in ONNX files: float16 or int8 in the file, float32 in computation."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

MIN_SIZE = 64  # constants with fewer values stay float32
HEADS = ("Gemm", "MatMul")
WITH_KERNEL = ("Conv", *HEADS)
Array = NDArray[Any]
# name, values -> compressed constants, and nodes that restore float32 from them
Pack = Callable[[str, Array], tuple[list[Any], list[Any]]]


def in_float16(model: Any) -> Any:
    """Compress kernels of ``model`` to float16, which is widened when the file is loaded.

    ONNX Runtime has few float16 kernels for CPUs: with all in float16 it would cast forth and back
    around each node.
    """
    return _packed(model, _kernels(model), _halved)


def in_int8(model: Any, kinds: Collection[str] = WITH_KERNEL, keep: Collection[str] = ()) -> Any:
    """Compress kernels of nodes of ``kinds`` to int8, with a scale for each output channel.

    keep : names of nodes whose kernels stay in float. Activations are float.

    Cast and Mul are computed once, when the file is loaded; a DequantizeLinear would run each time.
    ONNX Runtime's `quantize_dynamic` took three times as long as float.
    """
    channel = _kernels(model, kinds, keep)
    return _packed(model, channel, lambda name, values: _in_steps(name, values, channel[name]))


def _packed(model: Any, names: Collection[str], pack: Pack) -> Any:
    nodes: list[Any] = []
    for tensor in list(model.graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.name in names and values.dtype == np.float32 and values.size >= MIN_SIZE:
            constants, restoring = pack(tensor.name, values)
            model.graph.initializer.remove(tensor)
            model.graph.initializer.extend(constants)
            nodes += restoring
    computing = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *computing])
    return model


def _halved(name: str, values: Array) -> tuple[list[Any], list[Any]]:
    half = numpy_helper.from_array(values.astype(np.float16), f"{name}_float16")
    cast = helper.make_node("Cast", [half.name], [name], f"{name}_cast", to=TensorProto.FLOAT)
    return [half], [cast]


def _in_steps(name: str, values: Array, axis: int) -> tuple[list[Any], list[Any]]:
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.maximum(np.abs(values).max(axis=others, keepdims=True) / 127, 1e-12)
    steps = numpy_helper.from_array(np.round(values / scale).astype(np.int8), f"{name}_int8")
    scales = numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale")
    wide = f"{name}_steps"
    return [steps, scales], [
        helper.make_node("Cast", [steps.name], [wide], f"{name}_cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", [wide, scales.name], [name], f"{name}_scaled"),
    ]


def _kernels(
    model: Any, kinds: Collection[str] = WITH_KERNEL, keep: Collection[str] = ()
) -> dict[str, int]:
    """Return the axis of the output channels of each kernel, by name."""
    nodes = [n for n in model.graph.node if n.op_type in kinds and n.name not in keep]
    return {node.input[1]: _channel_axis(node) for node in nodes}


def _channel_axis(node: Any) -> int:
    """Axis of the output channels in the kernel of ``node``."""
    if node.op_type == "Conv":
        return 0
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return 0 if transposed else 1
