#!/usr/bin/env bash
# ai-edge-quantizer calibrates with a moving average: the order of the pictures decides which pixels
# are cut off.
#
# Package:  ai-edge-quantizer 0.10.0, ai-edge-litert 2.3.0, numpy 2.4.6
# Guess:    static int8 ranges are the extremes over all calibration samples (as in TensorFlow's
#           converter), so their order does not matter.
# Seen:     of 20 dark samples (values up to 0.2) and one bright (up to 1.0), the input's range ends
#           at 0.487 with the bright one first, and at 0.240 with it last. Each sample after the
#           first has a weight of 0.05. Everything above saturates, half or three quarters of the
#           bright sample's values.
# Matters:  calibration faces are often sorted by folder, day faces before dim rooms. The int8 file
#           then clips faces that were in its calibration set, and shuffling the same set changes
#           the file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/float.tflite" <<'PYTHON'
import sys
import warnings

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import quantizer, recipe

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
path = sys.argv[1]


def float_model() -> bytes:
    """Return a TFLite file of one fully connected layer: 64 pixels in, 4 numbers out."""
    weights = schema.BufferT()
    weights.data = np.frombuffer(random.normal(size=(4, 64)).astype(np.float32).tobytes(), np.uint8)
    tensors = []
    for name, shape, buffer in ((b"image", [1, 64], 0), (b"weights", [4, 64], 1), (b"landmarks", [1, 4], 0)):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, shape, buffer
        tensors.append(tensor)
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, -1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], [0], [2]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.inputs, signature.outputs = "serving_default", [], []
    for side, name, index in ((signature.inputs, "image", 0), (signature.outputs, "landmarks", 2)):
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        side.append(entry)
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT(), weights], [code]
    model.subgraphs, model.signatureDefs = [graph], [signature]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def end_of_range(samples: list[np.ndarray]) -> float:
    """Return the greatest value of the input's calibrated range."""
    work = quantizer.Quantizer(path)
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    ranges = work.calibrate({"serving_default": [{"image": sample} for sample in samples]})
    return float(np.max(ranges["image"]["max"]))


with open(path, "wb") as file:
    file.write(float_model())
dark = [np.linspace(0, 0.2, 64, dtype=np.float32)[None] for _ in range(20)]
bright = [np.linspace(0, 1, 64, dtype=np.float32)[None]]
first, last = end_of_range(bright + dark), end_of_range(dark + bright)
print(f"greatest value in the samples 1.000, end of the range: bright first {first:.3f}, bright last {last:.3f}")
as_stated = np.isclose(first, 0.2 + 0.8 * 0.95**20, atol=0.001) and np.isclose(last, 0.24, atol=0.001)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
