"""OpenVINO IR: OpenVINO's own converter for the float file, NNCF for int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nncf
import openvino
from nncf.quantization import advanced_parameters as advanced
from nncf.quantization.range_estimator import RangeEstimatorParametersSet

from asmnet_edge.converters.calibration import CalibrationSet
from asmnet_edge.converters.graph import OUTPUTS, InferenceGraph
from asmnet_edge.manifest import KEY, Precision

COMPUTING = {"Convolution", "GroupConvolution", "MatMul", "ReduceMean", "Concat"}


class OpenVinoTarget:
    """Ranges by minimum and maximum: NNCF's default of averages over samples cuts the extremes off.

    The overflow fix (7-bit weights for CPUs without VNNI) is off: it costs accuracy everywhere.
    """

    tools = ("tensorflow", "openvino", "nncf")

    def export(
        self,
        graph: InferenceGraph,
        precision: Precision,
        calibration: CalibrationSet | None,
        path: Path,
    ) -> None:
        model = float_model(graph)
        if calibration is not None:
            model = quantize(model, calibration)
        openvino.save_model(model, path, compress_to_fp16=False)

    def embed(self, path: Path, manifest: str) -> None:
        # read into memory first: the weights are mapped from the file that is about to be replaced
        model = openvino.Core().read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
        model.set_rt_info(manifest, KEY)
        openvino.save_model(model, path, compress_to_fp16=False)

    def embedded(self, path: Path) -> str:
        return str(openvino.Core().read_model(path).get_rt_info(KEY).astype(str))

    def operators(self, path: Path) -> dict[str, int]:
        """An operator computes in int8 when its first input comes through a FakeQuantize."""
        model = openvino.Core().read_model(path)
        computing = [op for op in model.get_ops() if _computes(op)]
        in_int8 = [op for op in computing if _sources(op)[0] == "FakeQuantize"]
        return {"total": len(computing), "int8": len(in_int8)}


def float_model(graph: InferenceGraph) -> Any:
    """The inference graph as a float32 OpenVINO model with the contract's names."""
    with graph.saved_model() as folder:
        model = openvino.convert_model(folder)
    model.inputs[0].get_tensor().set_names({"image"})
    for output in model.outputs:
        name = OUTPUTS[0] if len(output.partial_shape) == 3 else OUTPUTS[1]
        output.get_tensor().set_names({name})
    return model


def quantize(model: Any, calibration: CalibrationSet) -> Any:
    """``model`` with its body in int8; the heads (its only MatMuls) stay float."""
    crops = [crop[None] for crop in calibration.crops]
    return nncf.quantize(
        model,
        nncf.Dataset(crops),
        preset=nncf.QuantizationPreset.MIXED,  # asymmetric activations, as in the other formats
        subset_size=len(crops),
        fast_bias_correction=True,
        ignored_scope=nncf.IgnoredScope(types=["MatMul"]),
        advanced_parameters=advanced.AdvancedQuantizationParameters(
            overflow_fix=advanced.OverflowFix.DISABLE,
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        ),
    )


def _computes(operator: Any) -> bool:
    """Convolutions, heads, pools, and additions of two results; biases are fused by the runtime."""
    if operator.get_type_name() == "Add":
        return not {"Constant", "Convert", "Multiply"} & set(_sources(operator))
    if operator.get_type_name() == "Concat":
        return operator.get_output_size() == 1 and "Constant" not in _sources(operator)
    return operator.get_type_name() in COMPUTING


def _sources(operator: Any) -> list[str]:
    """Types of the operators that ``operator`` takes its inputs from."""
    inputs = range(operator.get_input_size())
    return [str(operator.input_value(i).get_node().get_type_name()) for i in inputs]
