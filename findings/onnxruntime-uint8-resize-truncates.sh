#!/usr/bin/env bash
# ONNX Runtime's linear Resize of uint8 pixels cuts fractions off, where the others round.
#
# Package:  onnxruntime 1.32.0, onnx 1.23.2, openvino 2026.4.1, opencv-python-headless 5.0.0.93,
#           numpy 2.4.6
# Guess:    resizing a uint8 picture rounds to the nearest grey level in every runtime.
# Seen:     of a picture with smooth shading, enlarged twice, ONNX Runtime's pixels are darker than
#           OpenVINO's by 0.46 grey levels in the mean, never brighter, and at most 1; OpenVINO is
#           nearest to the exact values, as onnx's reference evaluator and OpenCV are (mean error
#           below 0.06). Cast to float before Resize, ONNX Runtime is exact.
# Matters:  resizing inside the graph saves the device a library. The same .onnx then sees darker
#           faces in one runtime than in the other, and parity tests that compare bytes fail by one
#           for no fault of the conversion.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 \
    openvino==2026.4.1 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import cv2
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

columns = np.arange(32)
picture = (127 + 90 * np.outer(np.sin(columns / 5), np.cos(columns / 6))).astype(np.uint8)[None, None]
size = numpy_helper.from_array(np.array([1, 1, 64, 64], np.int64), "size")
linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 1, 32, 32])


def model(nodes: list[onnx.NodeProto], kind: int) -> onnx.ModelProto:
    """Return a model that makes "large" of the picture."""
    large = helper.make_tensor_value_info("large", kind, [1, 1, 64, 64])
    graph = helper.make_graph(nodes, "resize", [image], [large], [size])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def by_onnxruntime(resize: onnx.ModelProto) -> np.ndarray:
    """Return what ONNX Runtime makes of the picture."""
    return onnxruntime.InferenceSession(resize.SerializeToString()).run(None, {"image": picture})[0]


whole = model([helper.make_node("Resize", ["image", "", "", "size"], ["large"], **linear)], TensorProto.UINT8)
cast = helper.make_node("Cast", ["image"], ["grey"], to=TensorProto.FLOAT)
exact_nodes = [cast, helper.make_node("Resize", ["grey", "", "", "size"], ["large"], **linear)]
exact = by_onnxruntime(model(exact_nodes, TensorProto.FLOAT))
onnx.save(whole, "resize.onnx")
results = {
    "ONNX Runtime": by_onnxruntime(whole),
    "OpenVINO": openvino.Core().compile_model("resize.onnx", "CPU")(picture)[0],
    "onnx reference": ReferenceEvaluator(whole).run(None, {"image": picture})[0],
    "OpenCV": cv2.resize(picture[0, 0], (64, 64), interpolation=cv2.INTER_LINEAR)[None, None],
}
errors = {}
for name, result in results.items():
    difference = result.astype(float) - exact
    errors[name] = float(difference.mean())
    print(f"{name:15s} minus exact: mean {errors[name]:6.3f}, from {difference.min():6.3f} to {difference.max():6.3f}")
darker = results["OpenVINO"].astype(int) - results["ONNX Runtime"]
print(f"OpenVINO minus ONNX Runtime: mean {darker.mean():.3f}, from {darker.min()} to {darker.max()}")
as_stated = (
    np.array_equal(results["ONNX Runtime"], np.floor(exact).astype(np.uint8))
    and all(abs(error) < 0.06 for name, error in errors.items() if name != "ONNX Runtime")
    and (darker.min(), darker.max()) == (0, 1)
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
