"""ONNX files: tf2onnx for the float ones, ONNX Runtime's static quantiser (QDQ) for int8."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tf2onnx
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from asmnet_edge.converters.graph import OUTPUTS, InferenceGraph
from asmnet_edge.converters.jobs import Recipe
from asmnet_edge.converters.onnx.canonical_form import canonical
from asmnet_edge.converters.onnx.compression import HEADS, in_float16, in_int8
from asmnet_edge.converters.onnx.onnx_saturation import limit
from asmnet_edge.converters.onnx.pixel_input import pixel_override, remove_pixel_scaling
from asmnet_edge.converters.onnx.simplification import simplify
from asmnet_edge.io.manifest import KEY, Precision
from asmnet_edge.training.model_facts import PixelScaling

OPSET = 17  # tf2onnx goes up to 18
POOLS = ("GlobalAveragePool", "ReduceMean", "MaxPool", "AveragePool")
BODY = ("Conv", "Add", *POOLS, "Concat", "Clip", "Relu", "Pad")
BODY_ENDS = {"Concat", "Conv", *POOLS}  # what the heads take
COMPUTING = {"Conv", "MatMul", "Gemm", "GlobalAveragePool", "ReduceMean", "Concat"}


@dataclass(frozen=True)
class QuantizerOptions:
    """Options of the quantizer, as ONNX Runtime names them; `scripts/compare_quantisers.py`.

    activations : QUInt8 or QInt8; ranges : MinMax, Percentile or Entropy
    pair_limits : weights that don't saturate without VNNI: "chosen", in layers where saturation
    would cost more, "everywhere" or "nowhere"; seven_bits : weights that never do either
    """

    per_channel: bool = True
    activations: str = "QUInt8"
    ranges: str = "MinMax"
    pair_limits: str = "chosen"
    seven_bits: bool = False


class OnnxExporter:
    """Exporter of ONNX: body in U8S8, for x86 and ARM kernels; heads with int8 weights."""

    tools = ("tensorflow", "tf2onnx", "onnx", "onnxruntime")

    def export(self, graph: InferenceGraph, recipe: Recipe, path: Path) -> None:
        recipe.check(graph)
        onnx.save(canonical(MAKERS[recipe.precision](graph, recipe)), path)

    def embed(self, path: Path, manifest: str) -> None:
        model = onnx.load(path)
        onnx.helper.set_model_props(model, {KEY: manifest})
        onnx.save(model, path)

    def embedded(self, path: Path) -> str:
        properties = {p.key: p.value for p in onnx.load(path).metadata_props}
        return str(properties[KEY])

    def encoding(self, path: Path) -> dict[str, dict[str, Any]]:
        return {}


def float_model(graph: InferenceGraph) -> Any:
    """Return the inference graph as a float32 ONNX model with the contract's names."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.once("onnx", lambda: _float_model(graph)))
    return model


def _float_model(graph: InferenceGraph) -> Any:
    frozen = graph.frozen
    inputs = [frozen.inputs[0].name]
    outputs = [tensor.name for tensor in frozen.outputs]
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph.as_graph_def(),
        input_names=inputs,
        output_names=outputs,
        opset=OPSET,
        tensors_to_rename=dict(zip(inputs + outputs, ("image", *OUTPUTS), strict=True)),
    )
    return canonical(simplify(model))


MAKERS: Mapping[Precision, Callable[[InferenceGraph, Recipe], Any]] = MappingProxyType(
    {
        Precision.FLOAT32: lambda graph, recipe: float_model(graph),
        Precision.FLOAT16: lambda graph, recipe: in_float16(float_model(graph)),
        Precision.DYNAMIC_INT8: lambda graph, recipe: in_int8(float_model(graph)),
        Precision.INT8: lambda graph, recipe: quantize(
            float_model(graph), recipe, graph.model.pixels
        ),
    }
)


class _Crops(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, crops: NDArray[np.uint8]) -> None:
        self._crops: Iterator[NDArray[np.uint8]] = iter(crops)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        crop = next(self._crops, None)
        return None if crop is None else {"image": crop[None]}


def quantize(
    model: Any, recipe: Recipe, pixels: PixelScaling, options: QuantizerOptions | None = None
) -> Any:
    """Quantise the body of float ``model``, except layers that ``recipe`` keeps in float."""
    options = options or QuantizerOptions()
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, target = (Path(folder) / f"{i}.onnx" for i in range(3))
        onnx.save(model, given)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        onnxruntime.set_default_logger_severity(3)
        ready = onnx.load(prepared)
        kept = _nodes_of(ready, recipe.keep_float)
        heads = _heads(ready)
        exact = pixel_override(ready, pixels) if options.activations == "QUInt8" else {}
        quantization.quantize_static(
            prepared,
            target,
            _Crops(recipe.crops.crops),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=BODY,
            per_channel=options.per_channel,
            reduce_range=options.seven_bits,
            activation_type=quantization.QuantType[options.activations],
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=heads + kept,
            calibrate_method=quantization.CalibrationMethod[options.ranges],
            extra_options={"TensorQuantOverrides": exact},
        )
        quantized = onnx.load(target)
        if options.pair_limits != "nowhere":
            limit(quantized, ready, recipe.crops.crops, options.pair_limits == "everywhere")
        quantized = in_int8(quantized, HEADS, keep=kept)
    return remove_pixel_scaling(quantized) if exact else quantized


def _nodes_of(model: Any, layers: tuple[str, ...]) -> list[str]:
    """Return names of the nodes of Keras ``layers``, by their name or that of their bias."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in COMPUTING | {"Add"}
        and any(
            f"/{part}/" in f"/{name}"
            for name in (node.name, *(i for i in node.input if i in constants))
            for layer in layers
            for part in (layer, f"{layer}_1")
        )
    ]


def _heads(model: Any) -> list[str]:
    """Return names of the nodes outside the body: heads and all nodes after them."""
    reached, heads = set(OUTPUTS), []
    for node in reversed(model.graph.node):
        if reached & set(node.output) and node.op_type not in BODY_ENDS:
            heads.append(node.name)
            reached |= set(node.input)
    return heads
