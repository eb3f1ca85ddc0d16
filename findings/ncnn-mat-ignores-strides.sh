#!/usr/bin/env bash
# ncnn.Mat takes the bytes of a NumPy array in memory order and ignores its strides.
#
# Package:  ncnn 1.0.20261020, numpy 2.4.6
# Guess:    ncnn.Mat(picture.transpose(2, 0, 1).astype("float32")) holds the planes that NumPy
#           shows, or refuses an array that is not contiguous.
# Seen:     it has the right shape (w 5, h 4, c 3) and the wrong numbers: the first row of the first
#           plane is 0 1 2 3 4, which is R G B R G of the interleaved picture, where NumPy shows 0 3
#           6 9 12. astype() keeps the order of axes of its input, so the copy does not help;
#           ascontiguousarray() does. MNN 3.6.1, given the same array, honours the strides.
# Matters:  HWC to CHW by transpose() is how a crop is made ready for a network. No error, no wrong
#           shape: the landmarks are merely bad, and differently so from face to face.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ncnn==1.0.20261020 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import ncnn
import numpy as np

picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)  # rows, columns, channels
planes = picture.transpose(2, 0, 1).astype(np.float32)
copy = np.ascontiguousarray(planes)  # kept: ncnn.Mat does not copy what it is given
strided, contiguous = ncnn.Mat(planes), ncnn.Mat(copy)

print("NumPy, first row of the first plane:     ", planes[0, 0])
print("ncnn.Mat of the same array:              ", np.array(strided)[0, 0], strided.w, strided.h, strided.c)
print("ncnn.Mat of its contiguous copy:         ", np.array(contiguous)[0, 0])
as_stated = (
    np.array_equal(np.array(contiguous), planes)
    and np.array_equal(np.array(strided).ravel(), picture.ravel())
    and (strided.w, strided.h, strided.c) == (5, 4, 3)
)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
