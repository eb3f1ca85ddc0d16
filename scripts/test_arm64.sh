#!/usr/bin/env bash
# Run asmnet-edge on an emulated 64-bit ARM Debian and compare what it finds with this machine.
#
#   scripts/test_arm64.sh WHEEL PYTHON [ARTIFACT ...]
#
# Needs root, and from Debian: qemu-user-static, binfmt-support, mmdebstrap. PYTHON is the one here
# that has asmnet-edge with the runtimes of the artifacts (.tflite, .onnx; OpenVINO hangs in QEMU).
# Everything goes to build/arm64, and is used again the next time.
set -euo pipefail

wheel=${1:?"expected our wheel"} python=${2:?"expected a Python that has asmnet-edge"}
shift 2
[ $# -gt 0 ] || set -- "$("$python" -c \
    'from asmnet_edge.io.files import SHIPPED_INT8, shipped; print(shipped(SHIPPED_INT8))')"
build=${BUILD:-build/arm64} suite=${SUITE:-bookworm}
root=$build/$suite
[ "$(id -u)" = 0 ] || { echo "Error: needs root, to make the system" >&2; exit 2; }

# so that the kernel hands ARM programs to QEMU; flag F lets it work inside the root
if [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
    [ -e /proc/sys/fs/binfmt_misc/register ] ||
        mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    update-binfmts --enable qemu-aarch64
fi

if [ ! -e "$root/done" ]; then
    rm -rf "$root"
    mkdir -p "$build"
    mmdebstrap --quiet --architectures=arm64 --variant=minbase \
        --include=python3,libstdc++6 "$suite" "$root"
    touch "$root/done"
fi
version=$(ls "$root/usr/lib" | grep -oE '^python3\.[0-9]+$' | head -n 1 | grep -oE '3\.[0-9]+')
"$python" -m pip install --quiet --upgrade --no-compile --target "$root/opt/site" \
    --python-version "$version" --only-binary :all: \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
    "$wheel" onnxruntime 2>&1 | { grep -v WARNING || true; }
mkdir -p "$root/work"
"$python" -c 'import sys; from pathlib import Path
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.io.images import write_image
for seed in range(1, 5):
    write_image(Path(sys.argv[1]) / f"{seed}.png", draw_face(seed).picture)' "$root/work/faces"

failed=0
run_there="chroot $root /usr/bin/env PYTHONPATH=/opt/site OPENBLAS_NUM_THREADS=1 python3"
$run_there -c 'import platform; print("emulated:", platform.machine(), platform.python_version())'
for artifact in "$@"; do
    name=$(basename "$artifact")
    cp "$artifact" "$artifact.json" "$root/work/"
    $run_there -m asmnet_edge predict /work/faces --model "/work/$name" --detector none \
        --no-drawing --overwrite --output /work/there --json --threads 1 > "$build/$name.there"
    "$python" -m asmnet_edge predict "$root/work/faces" --model "$artifact" --detector none \
        --no-drawing --overwrite --output "$build/here" --json --threads 1 > "$build/$name.here"
    "$python" - "$build/$name" << 'END' || failed=1
import json, sys
import numpy as np
here, there = ([json.loads(line) for line in open(f"{sys.argv[1]}.{place}")] for place in ("here", "there"))
points = [np.array([found["faces"][0]["landmarks"] for found in place]) for place in (here, there)]
far = np.linalg.norm(points[0] - points[1], axis=2)
milliseconds = np.median([found["timings_ms"]["infer"] / 2 for found in there])
print(f"{sys.argv[1]}: {there[0]['runtime']}, {milliseconds:.0f} ms emulated; landmarks of {len(far)} "
      f"faces of 256 px are {far.mean():.3f} px (at most {far.max():.3f}) from those found here")
sys.exit(bool(far.mean() > 0.5))
END
done
for artifact in "$@"; do
    $run_there -m asmnet_edge benchmark run "/work/$(basename "$artifact")" --queries 8 --seconds 0 \
        --output /work/record.json --overwrite
done
$run_there -m asmnet_edge doctor || true
exit $failed
