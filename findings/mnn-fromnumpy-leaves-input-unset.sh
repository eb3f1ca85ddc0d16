#!/usr/bin/env bash
# MNN: fromNumpy() on the input of a session takes the array, says nothing, and the network reads
# something else.
#
# Package:  mnn 3.6.1, onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6
# Guess:    session_input.fromNumpy(crop) puts the crop into the input, as its name and its
#           docstring ("copy data from numpy") say, or refuses if the layout does not fit.
# Seen:     getShape() is (1, 3, 8, 8), the array's shape, and getDimensionType() says NCHW; yet
#           what getNumpyData() of the input returns right after is not the array, and the result of
#           the convolution is wrong (by how much differs from run to run). The tensor is stored in
#           blocks of four channels. copyFrom() of a host tensor with the same array gives ONNX
#           Runtime's result within 0.001.
# Matters:  a face network with three channels in gets a wrong picture without an error. The fault
#           is in the one call that looks simplest; the wordy way is the right one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mnn==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
cat > model.py <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weights = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)
image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 6, 6, 6])
nodes = [helper.make_node("Conv", ["image", "weights"], ["c"]), helper.make_node("Relu", ["c"], ["features"])]
graph = helper.make_graph(nodes, "face", [image], [features], [numpy_helper.from_array(weights, "weights")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), "face.onnx")
PYTHON
"$folder/venv/bin/python" model.py
"$folder/venv/bin/mnnconvert" -f ONNX --modelFile face.onnx --MNNModel face.mnn --bizCode finding > convert.log 2>&1
cat > run.py <<'PYTHON'
import sys

import MNN
import numpy as np
import onnxruntime

crop = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
truth = onnxruntime.InferenceSession("face.onnx").run(None, {"image": crop})[0]


def run(by_copy: bool) -> tuple[bool, float]:
    """Return whether the input holds the crop, and the greatest error of the result."""
    interpreter = MNN.Interpreter("face.mnn")
    session = interpreter.createSession()
    tensor = interpreter.getSessionInput(session)
    assert tensor.getShape() == crop.shape and tensor.getDimensionType() == MNN.Tensor_DimensionType_Caffe
    if by_copy:
        host = MNN.Tensor(crop.shape, MNN.Halide_Type_Float, crop, MNN.Tensor_DimensionType_Caffe)
        tensor.copyFrom(host)
    else:
        tensor.fromNumpy(crop)
    held = np.array_equal(np.array(tensor.getNumpyData()), crop)
    interpreter.runSession(session)
    result = np.array(interpreter.getSessionOutput(session).getNumpyData(), dtype=np.float64)
    return held, float(np.abs(result - truth).max())


direct_held, direct_error = run(by_copy=False)
copy_held, copy_error = run(by_copy=True)
print(f"fromNumpy(): input is the crop {direct_held}, result {'right' if direct_error < 1e-3 else 'WRONG'}")
print(f"copyFrom():  input is the crop {copy_held}, result {'right' if copy_error < 1e-3 else 'WRONG'}")
as_stated = not direct_held and not direct_error < 1e-3 and copy_error < 1e-3
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
"$folder/venv/bin/python" run.py
