#!/usr/bin/env bash
# What OpenVINO keeps in rt_info comes back from the IR file as text: False as "NO", a third as
# "0.333333".
#
# Package:  openvino 2026.4.1, onnx 1.23.2, numpy 2.4.6
# Guess:    set_rt_info() takes Python values, get_rt_info() gives them back, and so it does before
#           saving; a file keeps them too, or refuses what it cannot keep.
# Seen:     after save_model and read_model every value is a string: True is "YES" and False is "NO"
#           (which Python holds for true), 1/3 is "0.333333" (six digits), ["outer eye", "nose"] is
#           "outer eye nose" (where one name ends cannot be told).
# Matters:  a crop rule or a threshold of a face model kept in the IR loses digits, flags are always
#           on, and names of landmarks run together. One string of JSON comes through whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

import onnx
import openvino
from onnx import TensorProto, helper

VALUES = {"mirrored": False, "rgb": True, "crop": 1 / 3, "names": ["outer eye", "nose"]}

image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3])
landmarks = helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [1, 3])
graph = helper.make_graph([helper.make_node("Relu", ["image"], ["landmarks"])], "face", [image], [landmarks])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "face.onnx")

model = openvino.Core().read_model("face.onnx")
for name, value in VALUES.items():
    model.set_rt_info(value, ["face", name])
model.set_rt_info(json.dumps(VALUES), ["face", "json"])
openvino.save_model(model, "face.xml")
read = openvino.Core().read_model("face.xml")
before = {name: model.get_rt_info(["face", name]).value for name in VALUES}
after = {name: read.get_rt_info(["face", name]).value for name in VALUES}
for name, value in VALUES.items():
    print(f"{name:9s} set {value!r}, got before saving {before[name]!r}, after reading {after[name]!r}")
text = read.get_rt_info(["face", "json"]).value
print("as JSON: ", json.loads(text))
stated = {"mirrored": "NO", "rgb": "YES", "crop": "0.333333", "names": "outer eye nose"}
as_stated = after == stated and before["mirrored"] is False and json.loads(text) == VALUES
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
