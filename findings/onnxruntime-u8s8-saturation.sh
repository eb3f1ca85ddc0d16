#!/usr/bin/env bash
# The same ONNX file gives other numbers on an x86 CPU without VNNI: 65534 where 129540 is right.
#
# ONNX Runtime computes products of uint8 activations and int8 weights without VNNI by vpmaddubsw, which
# adds two neighbouring products in 16 bits and cuts the sum off at 32767. This script makes one product
# of four (255 * 127 each), runs it with the CPU's own instructions and, where those include VNNI, on an
# emulated CPU that has none.
#
# A good guess would have been 4 * 255 * 127 = 129540 everywhere: the specification of MatMulInteger lets
# sums overflow in 32 bits only (https://onnx.ai/onnx/operators/onnx__MatMulInteger.html).
# Seen with onnxruntime 1.32.0: 129540 with VNNI, 65534 = 2 * 32767 on Haswell (AVX2), without a warning.
#
# Exit code 0: as described; 1: no longer so; 3: it can't be seen on this machine, and why.
set -euo pipefail
PYTHON=${PYTHON:-python3}
if [ "$(uname -m)" != x86_64 ]; then
    echo "this is $(uname -m): the behaviour is one of x86_64"; exit 3
fi
if grep -q -E 'avx512_vnni|avx_vnni' /proc/cpuinfo && ! command -v qemu-x86_64 > /dev/null; then
    echo "this CPU has VNNI, and qemu-x86_64 is missing to emulate one without: apt-get install qemu-user"; exit 3
fi
FOLDER=$(mktemp -d); trap 'rm -rf "$FOLDER"' EXIT
"$PYTHON" -m pip install --quiet --disable-pip-version-check --target "$FOLDER/packages" \
    onnxruntime==1.32.0 onnx==1.22.0 numpy==2.4.6
cat > "$FOLDER/product.py" <<'PYTHON'
import sys
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper

weights = numpy_helper.from_array(np.full((4, 16), 127, np.int8), "b")
graph = helper.make_graph(
    [helper.make_node("MatMulInteger", ["a", "b"], ["y"])], "product",
    [helper.make_tensor_value_info("a", TensorProto.UINT8, [4, 4])],
    [helper.make_tensor_value_info("y", TensorProto.INT32, [4, 16])], [weights])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
found = session.run(None, {"a": np.full((4, 4), 255, np.uint8)})[0]
assert (found == found[0, 0]).all()
print(found[0, 0])
PYTHON
export PYTHONPATH="$FOLDER/packages"
INTERPRETER=$("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))')
here=$("$INTERPRETER" "$FOLDER/product.py")
echo "onnxruntime 1.32.0, MatMulInteger of 4 x (255 * 127): 129540 is right"
echo "this CPU: $here"
without=$here
if [ "$here" = 129540 ]; then
    without=$(qemu-x86_64 -cpu Haswell "$INTERPRETER" "$FOLDER/product.py" 2> "$FOLDER/qemu.log") \
        || { cat "$FOLDER/qemu.log"; exit 3; }
    echo "emulated Haswell, without VNNI: $without"
fi
if [ "$without" != 65534 ]; then
    echo "no longer so: expected 65534 without VNNI"; exit 1
fi
echo "as described: without VNNI each pair of products was cut off at 32767"
