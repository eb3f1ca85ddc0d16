#!/usr/bin/env bash
# Show a camera with landmarks on a page: ./camera_demo.sh [SOURCE] [options of predict]
#
# SOURCE is 0 unless Picamera2 works here. The page is on this machine's own address; from another one:
#   ssh -L 8080:127.0.0.1:8080 pi@raspberrypi       and open http://127.0.0.1:8080/
set -euo pipefail

folder=${ASMNET_EDGE_FOLDER:-"$HOME/asmnet-edge"}
[ -x "$folder/bin/asmnet-edge" ] || { echo "Error: run ./install.sh first" >&2; exit 2; }
if [ $# -gt 0 ]; then
    source=$1
    shift
elif "$folder/bin/python" -c 'import picamera2' 2> /dev/null; then
    source=picamera2
else
    source=0
fi
exec "$folder/bin/asmnet-edge" predict "$source" --size 640x480 --serve 8080 "$@"
