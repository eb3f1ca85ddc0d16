"""ONNX: tf2onnx for the float file, ONNX Runtime's static quantiser (QDQ) for int8."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tf2onnx
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from asmnet_edge.converters.calibration import CalibrationSet
from asmnet_edge.converters.graph import OUTPUTS, InferenceGraph
from asmnet_edge.manifest import KEY, Precision

OPSET = 17  # tf2onnx goes up to 18
BODY = ("Conv", "Add", "GlobalAveragePool", "ReduceMean", "Concat", "Clip", "Pad")
BODY_ENDS = {"Concat", "GlobalAveragePool", "ReduceMean"}  # what the heads take
COMPUTING = {"Conv", "MatMul", "Gemm", "GlobalAveragePool", "ReduceMean", "Concat"}


class OnnxTarget:
    """Body in U8S8, as ONNX Runtime's x86 and ARM kernels like it; heads float."""

    tools = ("tensorflow", "tf2onnx", "onnx", "onnxruntime")

    def export(
        self,
        graph: InferenceGraph,
        precision: Precision,
        calibration: CalibrationSet | None,
        path: Path,
    ) -> None:
        model = float_model(graph)
        if calibration is None:
            onnx.save(model, path)
        else:
            quantize(model, calibration, path)

    def embed(self, path: Path, manifest: str) -> None:
        model = onnx.load(path)
        onnx.helper.set_model_props(model, {KEY: manifest})
        onnx.save(model, path)

    def embedded(self, path: Path) -> str:
        properties = {p.key: p.value for p in onnx.load(path).metadata_props}
        return str(properties[KEY])

    def operators(self, path: Path) -> dict[str, int]:
        """A QDQ operator computes in int8 when all its data inputs come dequantised."""
        graph = onnx.load(path).graph
        made_by = {name: node.op_type for node in graph.node for name in node.output}
        computing = [n for n in graph.node if n.op_type in COMPUTING or _joins_branches(n, made_by)]
        in_int8 = [n for n in computing if _all_dequantised(n, made_by)]
        return {"total": len(computing), "int8": len(in_int8)}


def _all_dequantised(node: Any, made_by: dict[str, str]) -> bool:
    """Data and weights alike; a reduction's second input is its axes."""
    data = node.input[:1] if node.op_type == "ReduceMean" else node.input[:2]
    return all(made_by.get(name) == "DequantizeLinear" for name in data)


def _joins_branches(node: Any, made_by: dict[str, str]) -> bool:
    """Whether ``node`` adds two results, as a residual block does, and not a constant."""
    return node.op_type == "Add" and all(
        made_by.get(i, "Constant") != "Constant" for i in node.input
    )


def float_model(graph: InferenceGraph) -> Any:
    """The inference graph as a float32 ONNX model with the contract's names."""
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
    return model


class _Crops(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, calibration: CalibrationSet) -> None:
        self._crops: Iterator[NDArray[np.uint8]] = iter(calibration.crops)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        crop = next(self._crops, None)
        return None if crop is None else {"image": crop[None]}


def quantize(model: Any, calibration: CalibrationSet, path: Path) -> None:
    """Write ``model`` to ``path`` with its body in int8, per channel, ranges by extremes."""
    with tempfile.TemporaryDirectory() as folder:
        given, prepared = Path(folder) / "float.onnx", Path(folder) / "prepared.onnx"
        onnx.save(model, given)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        onnxruntime.set_default_logger_severity(3)
        quantization.quantize_static(
            prepared,
            path,
            _Crops(calibration),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=BODY,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=_heads(onnx.load(prepared)),
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )


def _heads(model: Any) -> list[str]:
    """Names of the nodes outside the body: the heads and what follows them."""
    reached, heads = set(OUTPUTS), []
    for node in reversed(model.graph.node):
        if reached & set(node.output) and node.op_type not in BODY_ENDS:
            heads.append(node.name)
            reached |= set(node.input)
    return heads
