#!/usr/bin/env bash
# Measure the models here and say how the board was: ./benchmark.sh [ARTIFACT ...]
#
# Without ARTIFACT: those in models/ beside this script, else the shipped one. Writes
# asmnet-edge-<machine>-<time>/ with record.json and two reports of doctor, before and after: send
# that folder, and the numbers in docs/raspberry_pi.md can be ours.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${ASMNET_EDGE_FOLDER:-"$HOME/asmnet-edge"}
run=$folder/bin/asmnet-edge
[ -x "$run" ] || { echo "Error: run ./install.sh first" >&2; exit 2; }
shopt -s nullglob
[ $# -gt 0 ] || set -- "$here"/models/*.tflite "$here"/models/*.onnx "$here"/models/*.xml
[ $# -gt 0 ] || set -- "$("$folder/bin/python" -c \
    'from asmnet_edge.shipped import SHIPPED_INT8, shipped; print(shipped(SHIPPED_INT8))')"

out=asmnet-edge-$(uname -m)-$(date +%Y%m%d-%H%M%S)
mkdir "$out"
"$run" doctor --json > "$out/doctor-before.json" || true
"$run" benchmark run "$@" --output "$out/record.json"
"$run" doctor --json > "$out/doctor-after.json" || true
echo "Written: $out"
