"""TFLite: TensorFlow's converter for the float file, the LiteRT quantizer for int8."""

from __future__ import annotations

from pathlib import Path

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from ai_edge_quantizer import qtyping, quantizer

from asmnet_edge.converters.calibration import CalibrationSet
from asmnet_edge.converters.graph import InferenceGraph
from asmnet_edge.manifest import KEY, Precision

Op = qtyping.TFLOperationName
STATIC_OPS = (Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.PAD, Op.MEAN, Op.CONCATENATION)
RESIDUAL = ".*_add.*"  # the additions within blocks; the mean shape's stays float
COMPUTING = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN", "CONCATENATION", "ADD"}


class TFLiteTarget:
    """Body static int8 per channel; heads with int8 weights and float results.

    A head quantised to eight bits would spend 256 steps on all offsets: see the decision record.
    """

    tools = ("tensorflow", "ai-edge-quantizer", "ai-edge-litert")

    def export(
        self,
        graph: InferenceGraph,
        precision: Precision,
        calibration: CalibrationSet | None,
        path: Path,
    ) -> None:
        content = graph.float_tflite
        path.write_bytes(content if calibration is None else quantize(content, calibration))

    def embed(self, path: Path, manifest: str) -> None:
        model = flatbuffer_utils.read_model(path)
        buffer = schema.BufferT()
        buffer.data = list(manifest.encode())
        entry = schema.MetadataT()
        entry.name, entry.buffer = KEY, len(model.buffers)
        model.buffers.append(buffer)
        model.metadata = [*(model.metadata or []), entry]
        path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))

    def embedded(self, path: Path) -> str:
        model = flatbuffer_utils.read_model(path)
        entries = [e for e in model.metadata if bytes(e.name).decode() == KEY]
        return bytes(model.buffers[entries[0].buffer].data).decode()

    def operators(self, path: Path) -> dict[str, int]:
        """An operator computes in int8 when its result is int8."""
        model = flatbuffer_utils.read_model(path)
        graph = model.subgraphs[0]
        results = [
            graph.tensors[op.outputs[0]].type
            for op in graph.operators
            if flatbuffer_utils.opcode_to_name(model, op.opcodeIndex) in COMPUTING
        ]
        return {"total": len(results), "int8": results.count(schema.TensorType.INT8)}


def quantize(content: bytes, calibration: CalibrationSet) -> bytes:
    """The float TFLite file ``content`` with its body in int8."""
    recipe = quantizer.Quantizer(bytearray(content))
    for operation in STATIC_OPS:
        recipe.add_static_config(".*", operation, 8, 8)
    recipe.add_static_config(RESIDUAL, Op.ADD, 8, 8)
    recipe.add_dynamic_config(".*", Op.FULLY_CONNECTED, 8)
    crops = [{"image": crop[None]} for crop in calibration.crops]
    ranges = recipe.calibrate({"serving_default": crops})
    return bytes(recipe.quantize(ranges).quantized_model)
