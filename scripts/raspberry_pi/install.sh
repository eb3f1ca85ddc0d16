#!/usr/bin/env bash
# Install asmnet-edge on a 64-bit Raspberry Pi OS or Debian (Bookworm, Trixie): no TensorFlow.
#
#   ./install.sh [--service SOURCE] [WHEEL] [FOLDER]
#
# Makes (or brings up to date) a virtual environment in FOLDER, by default ~/asmnet-edge, from the wheel
# that lies beside this script, or WHEEL. --service also starts `predict SOURCE` at every boot, with a
# page on this machine's own address; SOURCE is a camera: 0, /dev/video0, picamera2, rtsp://...
# Running it again changes nothing that is already as it should be.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "Error: $1" >&2; exit 2; }

service=
if [ "${1-}" = --service ]; then
    service=${2:?"expected a camera after --service, such as 0 or picamera2"}
    shift 2
fi
wheel=${1:-$(ls -t "$here"/asmnet_edge-*.whl 2> /dev/null | head -n 1)}
folder=${2:-"$HOME/asmnet-edge"}

[ -n "$wheel" ] || fail "no wheel beside this script; give one: $0 asmnet_edge-0.1.0-py3-none-any.whl"
[ "${folder%.whl}" = "$folder" ] || fail "expected one wheel, got two"
[ -f "$wheel" ] || fail "there is no wheel at $wheel"
[ "$(getconf LONG_BIT)" = 64 ] || fail "a 64-bit system is needed; the runtimes have no 32-bit packages"
python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
    fail "Python 3.11 to 3.13 is needed, got $(python3 --version)"
python3 -c 'import ensurepip' 2> /dev/null || fail "venv is missing: sudo apt install python3-venv"

if [ -f "$here/SHA256SUMS" ]; then
    (cd "$here" && sha256sum --check --quiet SHA256SUMS) || fail "the bundle is damaged: copy it again"
fi

# Picamera2 comes with the system, not from pip. Bookworm's was built with NumPy 1 and takes no other;
# pip then picks an OpenCV that does too
site= numpy=numpy
if python3 -c 'import picamera2' 2> /dev/null; then
    site=--system-site-packages
    python3 -c 'import numpy, sys; sys.exit(numpy.__version__[:2] != "1.")' && numpy='numpy<2'
fi
[ -x "$folder/bin/pip" ] || python3 -m venv $site "$folder"

# the wheel's version stays the same while it is developed: its content tells whether it is there
sum=$(sha256sum < "$wheel" | cut -d ' ' -f 1)
if [ "$(cat "$folder/installed-wheel" 2> /dev/null)" != "$sum" ]; then
    "$folder/bin/pip" install --quiet "$wheel" "$numpy"
    "$folder/bin/pip" install --quiet --no-deps --force-reinstall "$wheel"
    echo "$sum" > "$folder/installed-wheel"
fi
"$folder/bin/asmnet-edge" doctor || true

if [ -n "$service" ]; then
    unit=/etc/systemd/system/asmnet-edge.service
    made=$(sed -e "s|@USER@|$(id -un)|g" -e "s|@FOLDER@|$folder|g" -e "s|@SOURCE@|$service|g" \
        "$here/asmnet-edge.service")
    if [ "$(cat $unit 2> /dev/null)" != "$made" ]; then
        echo "$made" | sudo tee $unit > /dev/null
        sudo systemctl daemon-reload
        sudo systemctl enable --quiet asmnet-edge
        sudo systemctl restart asmnet-edge
    fi
    echo "The service runs. Look at it: journalctl -u asmnet-edge -f"
fi
echo "Installed. Try: $folder/bin/asmnet-edge predict photo.jpg"
