#!/usr/bin/env bash
# Measure the models here and say how the board was: ./benchmark.sh [ARTIFACT ...]
#
# Without ARTIFACT: those of the bundle, else the shipped one. Where the float32 artifact of an int8 one
# lies beside it (x-float32.tflite, x-int8.tflite), it is measured too: drops are against it. Writes
# asmnet-edge-<machine>-<time>/ with record.json and two reports of doctor, before and after: send
# that folder, and the numbers in docs/raspberry_pi.md can be ours.
set -euo pipefail

folder=${ASMNET_EDGE_FOLDER:-"$HOME/asmnet-edge"}
run=$folder/bin/asmnet-edge
[ -x "$run" ] || { echo "Error: run ./install.sh first" >&2; exit 2; }
shopt -s nullglob
manifests=("$folder"/models/*.json)  # each artifact has one, whatever its format
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
