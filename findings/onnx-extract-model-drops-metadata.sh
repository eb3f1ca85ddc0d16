#!/usr/bin/env bash
# onnx.utils.extract_model drops metadata_props, which every other rewriter of ONNX models keeps.
#
# Package:  onnx 1.23.2 (also run: onnxruntime 1.32.0, onnxslim 0.1.98, onnxconverter-common 1.16.0)
# Guess:    either all tools that rewrite a model keep its metadata, or extract_model, which merely
#           cuts, keeps it above all.
# Seen:     version_converter, infer_shapes, the inliner, onnxslim, float16 conversion and ONNX
#           Runtime's optimiser, which rebuild the graph, keep the metadata and the producer's name;
#           extract_model, cutting nothing off, keeps neither.
# Matters:  a manifest (crop rule, landmark scheme, licence of the weights) travels in
#           metadata_props. Cutting the pose head off with extract_model is one line, and the
#           artifact no longer says what its numbers mean.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxconverter-common==1.16.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnx.inliner
import onnxruntime
import onnxslim
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16

MANIFEST = {"manifest": '{"crop": 1.25}'}


def properties(model: onnx.ModelProto) -> dict[str, str]:
    """Return the metadata of the model."""
    return {entry.key: entry.value for entry in model.metadata_props}


def optimised_by_onnxruntime(path: str) -> onnx.ModelProto:
    """Return the model as ONNX Runtime saves it after its own rewriting."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = "optimised.onnx"
    onnxruntime.InferenceSession(path, options)
    return onnx.load("optimised.onnx")


def extracted(path: str) -> onnx.ModelProto:
    """Return all of the model, by extract_model."""
    onnx.utils.extract_model(path, "extracted.onnx", ["image"], ["landmarks"])
    return onnx.load("extracted.onnx")


weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "weights")
image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
landmarks = helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [1, 4, 6, 6])
nodes = [helper.make_node("Conv", ["image", "weights"], ["c"]), helper.make_node("Relu", ["c"], ["landmarks"])]
graph = helper.make_graph(nodes, "face", [image], [landmarks], [weights])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="trainer")
helper.set_model_props(model, MANIFEST)
onnx.save(model, "face.onnx")

rewritten = {
    "onnx.version_converter": onnx.version_converter.convert_version(model, 18),
    "onnx.shape_inference": onnx.shape_inference.infer_shapes(model),
    "onnx.inliner": onnx.inliner.inline_local_functions(model),
    "onnxslim": onnxslim.slim("face.onnx"),
    "float16 conversion": float16.convert_float_to_float16(onnx.load("face.onnx")),
    "ONNX Runtime's optimiser": optimised_by_onnxruntime("face.onnx"),
    "onnx.utils.extract_model": extracted("face.onnx"),
}
kept = {name: "manifest" in properties(result) for name, result in rewritten.items()}
for name, result in rewritten.items():
    print(f"{name:26s} metadata {'kept' if kept[name] else 'LOST'}, producer {result.producer_name!r}")
as_stated = [name for name in kept if not kept[name]] == ["onnx.utils.extract_model"]
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
