#!/usr/bin/env bash
# Benchmark models on this board and record its state: ./benchmark.sh [ARTIFACT ...]
#
# Without ARTIFACT: the models of the bundle, else the shipped one. Where there is a float32 artifact beside an
# int8 one (x-float32.tflite, x-int8.tflite), it is measured as well, as the reference of the drops. Writes
# asmnet-edge-<machine>-<time>/ with record.json and the reports of doctor before and after. Please send us
# that folder, so that docs/raspberry_pi.md can have numbers of your board.
set -euo pipefail

folder=${ASMNET_EDGE_FOLDER:-"$HOME/asmnet-edge"}
run=$folder/bin/asmnet-edge
[ -x "$run" ] || { echo "Error: run ./install.sh first" >&2; exit 2; }
shopt -s nullglob
manifests=("$folder"/models/*.json)  # each artifact has one, in any format
[ $# -gt 0 ] || set -- "${manifests[@]%.json}"
[ $# -gt 0 ] || set -- "$(cat "$folder/model")"

named=" $* "
for artifact in "$@"; do
    float=${artifact/%-int8.*/-float32.${artifact##*.}}
    case $named in *" $float "*) continue ;; esac
    [ ! -f "$float" ] || { set -- "$float" "$@" && named+="$float "; }
done

out=asmnet-edge-$(uname -m)-$(date +%Y%m%d-%H%M%S)
mkdir "$out"
"$run" doctor --json > "$out/doctor-before.json" || true
"$run" benchmark run "$@" --output "$out/record.json"
"$run" doctor --json > "$out/doctor-after.json" || true
echo "Written: $out"
