#!/usr/bin/env bash
# Install asmnet-edge for running the shipped model on a 64-bit Raspberry Pi OS: no TensorFlow.
#
#   ./install.sh asmnet_edge-*.whl [FOLDER]
#
# Makes (or brings up to date) a virtual environment in FOLDER, by default ~/asmnet-edge, from a wheel
# that `python -m build` made. Running it again changes nothing that is already as it should be.
set -euo pipefail

wheel=${1:?"expected the wheel to install, as in: $0 asmnet_edge-0.1.0-py3-none-any.whl"}
folder=${2:-"$HOME/asmnet-edge"}

[ "${folder%.whl}" = "$folder" ] || { echo "Error: expected one wheel, got two" >&2; exit 2; }
[ -f "$wheel" ] || { echo "Error: there is no wheel at $wheel" >&2; exit 2; }
[ "$(getconf LONG_BIT)" = 64 ] || {
    echo "Error: a 64-bit system is needed; the runtimes have no 32-bit packages" >&2
    exit 2
}
python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || {
    echo "Error: Python 3.11 to 3.13 is needed, got $(python3 --version)" >&2
    exit 2
}

[ -x "$folder/bin/pip" ] || python3 -m venv "$folder"
"$folder/bin/pip" install --quiet "$wheel"
"$folder/bin/pip" install --quiet --no-deps --force-reinstall "$wheel"  # also a rebuilt one
echo "Installed. Try: $folder/bin/asmnet-edge predict photo.jpg"
