"""TFLite: TensorFlow's converter for the float files, the LiteRT quantizer for eight bits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import qtyping, quantizer

from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.converters.jobs import Recipe
from asmnet_edge.converters.tflite.activation_ranges import RangeEstimator, extremes, with_margin
from asmnet_edge.converters.tflite.flatbuffer import (
    add_metadata,
    constant,
    kind_of,
    metadata,
    name_of,
    read,
    write,
)
from asmnet_edge.converters.tflite.pixel_input import remove_pixel_scaling
from asmnet_edge.errors import ModelError
from asmnet_edge.io.manifest import KEY, Precision

Op = qtyping.TFLOperationName
WITH_KERNEL = (Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.FULLY_CONNECTED)
POOLS = (Op.MEAN, Op.MAX_POOL_2D, Op.AVERAGE_POOL_2D)
STATIC_OPS = (Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.PAD, *POOLS, Op.CONCATENATION)
IO_OPS = (Op.FULLY_CONNECTED, Op.RESHAPE, Op.OUTPUT)  # what int8-io has in int8 beyond these
RESIDUAL = ".*_add.*"  # the additions within blocks; the mean shape's stays float
COMPUTING = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN", "CONCATENATION", "ADD"}
SIGNATURE = "serving_default"
EVEN = 4.0  # times the median


@dataclass(frozen=True)
class QuantizerOptions:
    """Options of the quantizer; `scripts/compare_quantisers.py` compares them.

    ranges : how activation ranges are measured; per_channel : a scale for each channel of a kernel
    heads : ``weights``: their weights alone are int8; ``dynamic``: what they take becomes int8 as
    it comes; ``static``: their results are int8, too; ``float``
    """

    ranges: RangeEstimator = extremes
    heads: str = "weights"
    per_channel: bool = True


class TFLiteExporter:
    """Exporter of TFLite: body static int8 per channel; heads with int8 weights, float results.

    A head quantised to eight bits would spend 256 steps on all offsets: see the decision records.
    """

    tools = ("tensorflow", "ai-edge-quantizer", "ai-edge-litert")

    def export(self, graph: InferenceGraph, recipe: Recipe, path: Path) -> None:
        recipe.check(graph)
        path.write_bytes(write(read(MAKERS[recipe.precision](graph, recipe))))

    def embed(self, path: Path, manifest: str) -> None:
        model = read(path.read_bytes())
        add_metadata(model, KEY, manifest.encode())
        path.write_bytes(write(model))

    def embedded(self, path: Path) -> str:
        found = metadata(read(path.read_bytes()), KEY)
        if found is None:
            raise ModelError(
                f"{path} has no manifest inside", "Convert it with asmnet-edge convert"
            )
        return found.decode()

    def encoding(self, path: Path) -> dict[str, dict[str, Any]]:
        """Return type, scale and zero point of each int8 output, by name."""
        graph = read(path.read_bytes()).subgraphs[0]
        found = {}
        for index in graph.outputs:
            tensor = graph.tensors[index]
            if tensor.type == schema.TensorType.INT8:
                scale, zero = tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]
                name = "landmarks" if len(tensor.shape) == 3 else "pose"
                found[name] = {"type": "int8", "scale": float(scale), "zero_point": int(zero)}
        return found


def float32(graph: InferenceGraph, recipe: Recipe) -> bytes:
    return graph.float_tflite


def float16(graph: InferenceGraph, recipe: Recipe) -> bytes:
    """Write weights in float16, which are widened on loading; CPUs compute in float32."""
    with graph.saved_model() as folder:
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        return bytes(converter.convert())


def weights_in_int8(graph: InferenceGraph, recipe: Recipe) -> bytes:
    """Write kernels in int8; activations stay float: quantising them at run time is slower."""
    plan = quantizer.Quantizer(bytearray(graph.float_tflite))
    for operation in WITH_KERNEL:
        plan.add_weight_only_config(".*", operation, 8)
    return _quantized(plan)


def int8(graph: InferenceGraph, recipe: Recipe, with_outputs: bool = False) -> bytes:
    return quantize(graph.float_tflite, recipe, with_outputs=with_outputs)


def quantize(
    content: bytes,
    recipe: Recipe,
    options: QuantizerOptions | None = None,
    with_outputs: bool = False,
) -> bytes:
    """Quantise the body of the float TFLite file ``content``, or heads and outputs as well."""
    options = options or QuantizerOptions()
    plan = quantizer.Quantizer(bytearray(content))
    fine = qtyping.QuantGranularity.CHANNELWISE
    granularity = fine if options.per_channel else qtyping.QuantGranularity.TENSORWISE
    for operation in (*STATIC_OPS, *(IO_OPS if with_outputs else ())):
        plan.add_static_config(".*", operation, 8, 8, weight_granularity=granularity)
    plan.add_static_config(RESIDUAL, Op.ADD, 8, 8)
    if not with_outputs:
        HEADS[options.heads](plan, content)
    _leave_in_float(plan, content, recipe.keep_float)
    crops = recipe.crops.crops
    seed = plan.calibrate({SIGNATURE: [{"image": crops[0][None]}]})
    ranges = options.ranges(content, crops, seed)
    if with_outputs:
        ranges = with_margin(content, ranges)
    return remove_pixel_scaling(_quantized(plan, ranges))


def _int8_head_weights(plan: Any, content: bytes) -> None:
    """Quantise the weights of heads alone: with one scale for a head whose outputs are alike.

    tflite-micro dequantises the weights of all outputs with the scale of the first one, so a head
    with a scale for each output is misread there (docs/compatibility.md).
    """
    plan.add_weight_only_config(".*", Op.FULLY_CONNECTED, 8)
    model = read(content)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if kind_of(model, operator) == "FULLY_CONNECTED" and has_even_weights(model, operator):
            plan.add_weight_only_config(
                _only(name_of(graph.tensors[operator.outputs[0]])),
                Op.FULLY_CONNECTED,
                8,
                granularity=qtyping.QuantGranularity.TENSORWISE,
            )


def has_even_weights(model: Any, operator: Any) -> bool:
    """Whether the largest weight of the dense ``operator`` is at most `EVEN` times a usual one.

    A usual one is the median of the largest weights of its outputs.
    """
    shape = model.subgraphs[0].tensors[operator.inputs[1]].shape
    largest = np.abs(constant(model, operator.inputs[1]).reshape(shape)).max(axis=1)
    return bool(largest.max() <= EVEN * np.median(largest))


HEADS: Mapping[str, Callable[[Any, bytes], None]] = MappingProxyType(
    {
        "weights": _int8_head_weights,
        "dynamic": lambda plan, _: plan.add_dynamic_config(".*", Op.FULLY_CONNECTED, 8),
        "static": lambda plan, _: plan.add_static_config(".*", Op.FULLY_CONNECTED, 8, 8),
        "float": lambda plan, _: None,
    }
)


def _leave_in_float(plan: Any, content: bytes, layers: tuple[str, ...]) -> None:
    """Add a rule to ``plan`` for each operator of ``layers``, found by the name of its result.

    The name of the operator is the last part; activations and constants fused into it come first.
    """
    model = read(content)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        kind, result = kind_of(model, operator), name_of(graph.tensors[operator.outputs[0]])
        if kind in COMPUTING and is_of(result.rpartition(";")[2], layers):
            plan.update_quantization_recipe(_only(result), Op[kind], algorithm_key="no_quantize")


def _only(result: str) -> str:
    """Return the expression that a rule of the quantizer matches the operator of ``result`` by."""
    return f"^{re.escape(result)};?$"


def is_of(name: str, layers: tuple[str, ...]) -> bool:
    """Whether ``name``, such as ``asmnet_1/block_2_add_1/Add``, is of one of the Keras layers."""
    parts = name.split("/")[:-1]
    return any(part in (layer, f"{layer}_1") for layer in layers for part in parts)


def _quantized(plan: Any, ranges: Mapping[str, Any] | None = None) -> bytes:
    result = plan.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


MAKERS: Mapping[Precision, Callable[[InferenceGraph, Recipe], bytes]] = MappingProxyType(
    {
        Precision.FLOAT32: float32,
        Precision.FLOAT16: float16,
        Precision.DYNAMIC_INT8: weights_in_int8,
        Precision.INT8: int8,
        Precision.INT8_IO: partial(int8, with_outputs=True),
    }
)
