#!/usr/bin/env bash
# OpenVINO converts whatever it is given to the type of the input: a crop in 0..1 becomes black, 300
# becomes 44.
#
# Package:  openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6
# Guess:    an array of the wrong type is an error, as it is in ONNX Runtime and LiteRT for the same
#           model.
# Seen:     a model whose input is uint8, called with float32 pixels 0.2 and 0.9 sees 0 and 0;
#           called with int32 pixels 300 and 255 it sees 44 and 255 (no saturation). No error, no
#           warning. ONNX Runtime refuses both.
# Matters:  a crop divided by 255, as most networks want it, gives the same face for every picture, which
#           looks like a bad conversion; code that relies on the runtime to refuse a wrong type
#           is safe with the other runtimes and not with this one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 2])
seen = helper.make_tensor_value_info("seen", TensorProto.FLOAT, [1, 2])
cast = helper.make_node("Cast", ["image"], ["seen"], to=TensorProto.FLOAT)
graph = helper.make_graph([cast], "face", [image], [seen])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "face.onnx")
intel = openvino.Core().compile_model("face.onnx", "CPU")
microsoft = onnxruntime.InferenceSession("face.onnx")


def refused(pixels: np.ndarray) -> bool:
    """Return whether ONNX Runtime refuses the array."""
    try:
        microsoft.run(None, {"image": pixels})
    except Exception as error:  # its classes of errors are not public
        print("  ONNX Runtime:", str(error).splitlines()[0])
        return True
    return False


results, refusals = [], []
for pixels in (np.array([[0.2, 0.9]], np.float32), np.array([[300, 255]], np.int32)):
    print(pixels.dtype, pixels[0])
    results.append(intel(pixels)[0][0].tolist())
    print("  OpenVINO sees:", results[-1])
    refusals.append(refused(pixels))
as_stated = results == [[0.0, 0.0], [44.0, 255.0]] and all(refusals)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
