#!/usr/bin/env bash
# Train teacher and students on a machine with a GPU, PyTorch, NumPy and OpenCV, and no network.
#   scripts/train_on_gpu.sh PLAN.toml OUTPUT
# Packs and starting weights lie beside the plan; see docs/gpu-training.md.
set -euo pipefail
plan=$(realpath "$1")
mkdir -p "$2"
output=$(realpath "$2")
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD PYTHONUNBUFFERED=1
exec "${PYTHON:-python3}" -m asmnet_edge.training.accelerated.program "$plan" --output "$output"
