#!/usr/bin/env bash
# onnx's reference evaluator gets MaxPool with SAME_LOWER padding and stride 2 wrong, even its
# shape.
#
# Package:  onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6
# Guess:    the reference evaluator defines what is right; where a runtime differs, the runtime is
#           at fault.
# Seen:     of a 9 x 9 picture, pooled 3 x 3 with stride 2, the standard says ceil(9 / 2) = 5 rows.
#           ONNX Runtime gives 5 x 5, equal to the maximum worked out by hand; the reference
#           evaluator gives 4 x 4. At 8 x 8 both are 4 x 4, the reference's with other numbers.
#           SAME_UPPER, AveragePool and Conv agree.
# Matters:  the reference evaluator is the usual judge of converted models (face detectors pool with
#           stride 2), as it needs no runtime: it would fail a right conversion, or make one wrong
#           that is written to please it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator


def pooling(side: int, padding: str) -> ModelProto:
    """Return a model of one MaxPool, 3 x 3 with stride 2."""
    node = helper.make_node("MaxPool", ["x"], ["y"], auto_pad=padding, kernel_shape=[3, 3], strides=[2, 2])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, side, side])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "pool", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def by_hand(picture: np.ndarray, padding: str) -> np.ndarray:
    """Return the pooled picture by the standard's formula for SAME padding."""
    side = picture.shape[-1]
    size = -(-side // 2)
    total = max(0, (size - 1) * 2 + 3 - side)
    before = total // 2 if padding == "SAME_UPPER" else total - total // 2
    padded = np.pad(picture[0, 0], (before, total - before), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))[::2, ::2]
    return windows.max((2, 3))[None, None]


right = {}
for padding in ("SAME_UPPER", "SAME_LOWER"):
    for side in (8, 9):
        picture = np.random.default_rng(side).normal(size=(1, 1, side, side)).astype(np.float32)
        model = pooling(side, padding)
        runtime = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": picture})[0]
        reference = ReferenceEvaluator(model).run(None, {"x": picture})[0]
        answers = [np.array_equal(result, by_hand(picture, padding)) for result in (runtime, reference)]
        right[padding, side] = tuple(answers)
        print(f"{padding} of {side} x {side}: ONNX Runtime {runtime.shape[2:]} {'right' if answers[0] else 'WRONG'},",
              f"reference {reference.shape[2:]} {'right' if answers[1] else 'WRONG'}")  # fmt: skip
as_stated = all(right[key] == (True, key[0] == "SAME_UPPER") for key in right)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
