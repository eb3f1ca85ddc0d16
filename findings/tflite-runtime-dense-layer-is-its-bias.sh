#!/usr/bin/env bash
# tflite-runtime runs a dense layer whose int8 weights have a scale for each row, and returns
# nothing but its bias.
#
# Package:  tflite-runtime 2.14.0, ai-edge-litert 2.3.0, numpy 1.26.4
# Guess:    a runtime either knows a scale for each row of weights, or refuses the file; at worst it
#           takes the first scale.
# Seen:     float input of 64 ones, int8 weights of 127 in four rows with scales of 1, 2, 4 and 8
#           thousandths, bias 1, 2, 3, 4: ai-edge-litert gives 9.128, 18.256, 35.512 and 69.024,
#           which is exact; tflite-runtime gives 1, 2, 3, 4. With one scale for all rows it is
#           right. No error, no warning.
# Matters:  a regression head quantised to int8 weights, float in and out, looks like this, and
#           tflite-runtime is what older guides for the Raspberry Pi install. The bias of such a
#           head is about the mean face, so that what is drawn looks like a face that never moves.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tflite-runtime==2.14.0 ai-edge-litert==2.3.0 numpy==1.26.4
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from types import ModuleType

import flatbuffers
import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema
from tflite_runtime import interpreter as old

SCALES = [0.001, 0.002, 0.004, 0.008]
BIAS = np.array([1, 2, 3, 4], np.float32)


def dense(scales: list[float]) -> bytes:
    """Return a TFLite file of one dense layer: 64 floats in, int8 weights of 127, four floats out."""
    weights = schema.BufferT()
    weights.data = np.full(4 * 64, 127, np.uint8)
    bias = schema.BufferT()
    bias.data = np.frombuffer(BIAS.tobytes(), np.uint8)
    tensors = []
    for name, shape, buffer in (("image", [1, 64], 0), ("weights", [4, 64], 1), ("bias", [4], 2), ("y", [1, 4], 0)):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, shape, buffer
        tensors.append(tensor)
    tensors[1].type = schema.TensorType.INT8
    tensors[1].quantization = schema.QuantizationParametersT()
    tensors[1].quantization.scale, tensors[1].quantization.zeroPoint = scales, [0] * len(scales)
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 3
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], [0], [3]
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT(), weights, bias], [code]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(package: ModuleType, scales: list[float]) -> np.ndarray:
    """Return the four outputs for ones."""
    interpreter = package.Interpreter(model_content=dense(scales))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.ones((1, 64), np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


exact, exact_one = (64 * 127 * np.array(scales) + BIAS for scales in (SCALES, SCALES[:1] * 4))
new_result, old_result, old_one = run(litert, SCALES), run(old, SCALES), run(old, SCALES[:1])
print("exact:                    ", exact.round(3))
print("ai-edge-litert:           ", new_result.round(3))
print("tflite-runtime:           ", old_result.round(3))
print("tflite-runtime, one scale:", old_one.round(3), "exact:", exact_one.round(3))
as_stated = (
    np.allclose(new_result, exact, rtol=0.01)
    and np.allclose(old_result, BIAS)
    and np.allclose(old_one, exact_one, rtol=0.01)
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
