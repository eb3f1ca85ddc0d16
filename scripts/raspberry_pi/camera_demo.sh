#!/usr/bin/env bash
# Show a camera with landmarks on a web page: ./camera_demo.sh [SOURCE] [options of predict]
#
# Without SOURCE: the camera on the ribbon if Picamera2 finds one, else the first other camera. The page
# is served on this machine only; from another one:
#   ssh -L 8080:127.0.0.1:8080 pi@raspberrypi       and open http://127.0.0.1:8080/
set -euo pipefail

folder=${ASMNET_EDGE_FOLDER:-"$HOME/asmnet-edge"}
[ -x "$folder/bin/asmnet-edge" ] || { echo "Error: run ./install.sh first" >&2; exit 2; }
case ${1-} in
    '' | -*) source=$("$folder/bin/python" -P -m asmnet_edge.runtime.cameras.discovery) ;;
    *) source=$1 && shift ;;
esac
model=()
[ ! -f "$folder/model" ] || model=(--model "$(cat "$folder/model")")
exec "$folder/bin/asmnet-edge" predict "$source" --size 640x480 --serve 8080 "${model[@]}" "$@"
