"""OpenVINO IR: OpenVINO's converter for the float files, NNCF for eight bits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nncf
import openvino
from nncf.quantization import advanced_parameters as advanced
from nncf.quantization.range_estimator import RangeEstimatorParametersSet

from asmnet_edge.converters.graph import OUTPUTS, InferenceGraph
from asmnet_edge.converters.jobs import Recipe
from asmnet_edge.converters.openvino.layer_matching import operators_of
from asmnet_edge.converters.openvino.openvino_saturation import float_kernels, limit
from asmnet_edge.io.manifest import KEY, Precision

BODY_ENDS = {"Convolution", "GroupConvolution", "MatMul", "ReduceMean", "Concat"}
COUNTED = re.compile(r"^(?P<kind>[A-Z][A-Za-z]*)_\d+(?=/|$)")
SOURCE = "saved_model"


@dataclass(frozen=True)
class QuantizerOptions:
    """Options of the quantizer; `scripts/compare_quantisers.py` compares them.

    preset : "mixed" has asymmetric activations, as the other formats; "performance" symmetric ones
    fast : bias correction by the error of the layer alone, without running the network for each
    overflow_fix : 7-bit weights for CPUs without VNNI
    averaged : activation ranges by NNCF's default, averages of extremes over samples
    pair_limits : weights that don't saturate without VNNI: "chosen", in layers where saturation
    would cost more, "everywhere" or "nowhere"
    """

    preset: str = "mixed"
    fast: bool = False
    overflow_fix: bool = False
    averaged: bool = False
    float_heads: bool = True
    pair_limits: str = "chosen"


class OpenVinoExporter:
    """Exporter of OpenVINO IR, with activation ranges by minimum and maximum.

    NNCF's default, averages over samples, would cut the extremes off.

    The overflow fix (7-bit weights for CPUs without VNNI) is off: it costs accuracy everywhere, and
    pair limits do its work (docs/decisions/0012).
    dynamic-int8 is int8 weights alone: the CPU plugin has no convolutions that quantise activations
    as they come.
    """

    tools = ("tensorflow", "openvino", "nncf")

    def export(self, graph: InferenceGraph, recipe: Recipe, path: Path) -> None:
        recipe.check(graph)
        model = MAKERS[recipe.precision](graph, recipe)
        canonical(model)
        openvino.save_model(model, path, compress_to_fp16=recipe.precision is Precision.FLOAT16)

    def embed(self, path: Path, manifest: str) -> None:
        # read into memory first: the weights are mapped from the file that is about to be replaced
        model = openvino.Core().read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
        model.set_rt_info(manifest, KEY)
        openvino.save_model(model, path, compress_to_fp16=False)

    def embedded(self, path: Path) -> str:
        return str(openvino.Core().read_model(path).get_rt_info(KEY).astype(str))

    def encoding(self, path: Path) -> dict[str, dict[str, Any]]:
        return {}


def canonical(model: Any) -> None:
    """Give ``model`` names and run-time information that are the same in each conversion.

    OpenVINO numbers nodes by a counter that continues over all conversions of the process
    (``Transpose_204497``), and records the path of the SavedModel, a temporary folder. Here the
    numbers start from 1 for each kind, in the order of computation; the path becomes `SOURCE`.
    """
    names: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    for operator in model.get_ordered_ops():
        match = COUNTED.match(operator.get_friendly_name())
        if match is None:
            continue
        if match[0] not in names:
            kinds[match["kind"]] += 1
            names[match[0]] = f"{match['kind']}_{kinds[match['kind']]}"
        rest = operator.get_friendly_name()[match.end() :]
        operator.set_friendly_name(names[match[0]] + rest)
    model.set_rt_info(SOURCE, ["conversion_parameters", "input_model"])


def float_model(graph: InferenceGraph) -> Any:
    """Return the inference graph as a float32 OpenVINO model with the contract's names."""
    return graph.once("openvino", lambda: _float_model(graph)).clone()


def _float_model(graph: InferenceGraph) -> Any:
    with graph.saved_model() as folder:
        model = openvino.convert_model(folder)
    model.inputs[0].get_tensor().set_names({"image"})
    for output in model.outputs:
        name = OUTPUTS[0] if len(output.partial_shape) == 3 else OUTPUTS[1]
        output.get_tensor().set_names({name})
    canonical(model)
    return model


def weights_in_int8(graph: InferenceGraph, recipe: Recipe) -> Any:
    """Compress kernels to int8 with a scale for each channel; activations stay float."""
    return nncf.compress_weights(float_model(graph), mode=nncf.CompressWeightsMode.INT8_SYM)


def int8(graph: InferenceGraph, recipe: Recipe) -> Any:
    """Quantise the body, except layers that ``recipe`` keeps in float."""
    model = float_model(graph)
    keep = operators_of(model, graph, recipe.keep_float) if recipe.keep_float else []
    return quantize(model, recipe, keep)


MAKERS: Mapping[Precision, Callable[[InferenceGraph, Recipe], Any]] = MappingProxyType(
    {
        Precision.FLOAT32: lambda graph, recipe: float_model(graph),
        Precision.FLOAT16: lambda graph, recipe: float_model(graph),  # halved when saved
        Precision.DYNAMIC_INT8: weights_in_int8,
        Precision.INT8: int8,
    }
)


def quantize(
    model: Any, recipe: Recipe, keep: list[str], options: QuantizerOptions | None = None
) -> Any:
    """Quantise the body of float ``model``, except operators ``keep`` and heads (MatMul)."""
    options = options or QuantizerOptions()
    crops = [crop[None] for crop in recipe.crops.crops]
    floats = float_kernels(model)
    extremes = {"activations_range_estimator_params": RangeEstimatorParametersSet.MINMAX}
    fix = advanced.OverflowFix.ENABLE if options.overflow_fix else advanced.OverflowFix.DISABLE
    types = ["MatMul"] if options.float_heads else []
    after = _after_heads(model) if options.float_heads else []
    quantized = nncf.quantize(
        model,
        nncf.Dataset(crops),
        preset=nncf.QuantizationPreset(options.preset),
        subset_size=len(crops),
        fast_bias_correction=options.fast,
        ignored_scope=nncf.IgnoredScope(names=keep + after, types=types),
        advanced_parameters=advanced.AdvancedQuantizationParameters(
            overflow_fix=fix, **({} if options.averaged else extremes)
        ),
    )
    if options.pair_limits != "nowhere":
        limit(quantized, floats, recipe.crops.crops, options.pair_limits == "everywhere")
    heads = {op.get_friendly_name() for op in model.get_ops() if op.get_type_name() == "MatMul"}
    if not options.float_heads or heads <= set(keep):
        return quantized
    # the heads' results stay float, and so does what is kept
    return nncf.compress_weights(
        quantized,
        mode=nncf.CompressWeightsMode.INT8_SYM,
        ignored_scope=nncf.IgnoredScope(names=keep),
    )


def _after_heads(model: Any) -> list[str]:
    """Return names of the operators between the heads' products and the results.

    They add biases and the mean shape; in int8 each coordinate would have only 256 values.
    """
    waiting = [result.input_value(0).get_node() for result in model.get_results()]
    found: dict[str, None] = {}
    while waiting:
        operator = waiting.pop()
        if operator.get_type_name() not in BODY_ENDS | {"Constant", "Convert", "MaxPool"}:
            found[operator.get_friendly_name()] = None
            inputs = range(operator.get_input_size())
            waiting += [operator.input_value(i).get_node() for i in inputs]
    return list(found)
