#!/usr/bin/env bash
# Install asmnet-edge on a 64-bit Raspberry Pi OS or Debian (Bookworm, Trixie): no TensorFlow.
#
#   ./install.sh [--service SOURCE] [WHEEL] [FOLDER]
#
# Creates (or updates) a virtual environment in FOLDER, by default ~/asmnet-edge, from the wheel beside
# this script, or WHEEL. Models of the bundle are copied to FOLDER/models, and the runtimes that they
# need are installed. If there is exactly one, the service and the demo use it.
#
# --service also starts `predict SOURCE` at every boot, with a page that is served on this machine only.
# SOURCE is a camera: 0, /dev/v4l/by-id/..., picamera2, rtsp://... It is stored in FOLDER/service.env,
# which only you can read and which you may edit: token, model and other options are there as well.
#
# Running it again changes only what differs; a running service is restarted if something changed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
unit=${ASMNET_EDGE_UNIT:-/etc/systemd/system/asmnet-edge.service}
fail() { echo "Error: $1" >&2; exit "${2:-2}"; }
help() { sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"; exit 0; }

read_arguments() {
    service='' wheel='' folder=''
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help) help ;;
            --service)
                service=${2-} && shift
                [ -n "$service" ] || fail "expected a camera after --service, such as 0 or picamera2" ;;
            --service=?*) service=${1#*=} ;;
            -*) fail "no such option: $1; see $0 --help" ;;
            *.whl)
                [ -z "$wheel" ] || fail "expected one wheel, got $wheel and $1"
                wheel=$1 ;;
            ?*)
                [ -z "$folder" ] || fail "expected one folder, got $folder and $1"
                folder=$1 ;;
        esac
        shift
    done
    case $service in *[[:cntrl:]]*) fail "the name of a camera must not contain line breaks" ;; esac
    folder=${folder:-$HOME/asmnet-edge}
    case $folder in /*) ;; *) folder=$PWD/$folder ;; esac
    settings=$folder/service.env
}

check_bundle() {
    [ -f "$here/SHA256SUMS" ] || return 0
    (cd "$here" && sha256sum --check --quiet SHA256SUMS) || fail "the bundle is damaged: copy it again"
}

# names in the bundle that match; files of an older bundle in the same folder are not among them
packed() { sed -nE "s#^[0-9a-f]{64}  ($1)\$#\\1#p" "$here/SHA256SUMS" 2> /dev/null || true; }

choose_wheel() {
    local found
    [ -n "$wheel" ] || { found=$(packed 'asmnet_edge-.*\.whl') && wheel=${found:+$here/$found}; }
    if [ -z "$wheel" ]; then
        for found in "$here"/asmnet_edge-*.whl; do
            if [ -f "$found" ] && { [ -z "$wheel" ] || [ "$found" -nt "$wheel" ]; }; then wheel=$found; fi
        done
    fi
    [ -n "$wheel" ] || fail "no wheel lies beside $0; name one: $0 asmnet_edge-0.1.0-py3-none-any.whl"
    [ -f "$wheel" ] || fail "there is no wheel at $wheel"
}

check_system() {
    [ "$(id -u)" != 0 ] ||
        fail "run it without sudo, as the user who will run asmnet-edge; it calls sudo itself"
    [ "$(getconf LONG_BIT)" = 64 ] || fail "a 64-bit system is needed; the runtimes have no 32-bit packages"
    python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
        fail "Python 3.11 to 3.13 is needed, got $(python3 --version)"
    python3 -c 'import ensurepip' 2> /dev/null || fail "venv is missing: sudo apt install python3-venv"
    case $folder in
        *[![:alnum:]/._+@\ -]*) fail "expected a folder of letters, digits and / . _ + @ -, got $folder" ;;
    esac
}

# Picamera2 comes with the system, not from pip. That of Bookworm was built with NumPy 1 and needs it.
# OpenCV 4.10 and 4.11, which support NumPy 1 too, have a flaw that 4.9 lacks and 4.12 fixed
find_picamera2() {
    site=false needs=()
    python3 -c 'import picamera2' 2> /dev/null || return 0
    site=true
    if python3 -c 'import numpy, sys; sys.exit(numpy.__version__[:2] != "1.")'; then
        needs=('numpy<2' 'opencv-python-headless<4.10')
    fi
}

make_environment() {
    if [ -e "$folder/pyvenv.cfg" ]; then
        grep -q "^include-system-site-packages = $site" "$folder/pyvenv.cfg" &&
            "$folder/bin/python" -m pip --version > /dev/null 2>&1 && return
        # Picamera2 or another Python was installed since: only files of the environment are removed
        echo "Recreating $folder: Python or Picamera2 has changed since it was made"
        rm -rf "${folder:?}"/{bin,include,lib,lib64,pyvenv.cfg,installed-wheel}
    elif [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
        fail "$folder exists and was not made by this script: give another folder"
    fi
    local options=()
    [ $site = false ] || options=(--system-site-packages)
    python3 -m venv "${options[@]}" "$folder"
}

# compared by content: the version stays the same while the program is developed
install_wheel() {
    local extras=() stamp joined
    [ -z "$(packed 'models/.*\.onnx')" ] || extras+=(onnx)
    [ -z "$(packed 'models/.*\.xml')" ] || extras+=(openvino)
    joined=$(IFS=,; echo "${extras[*]}")
    stamp="$(sha256sum < "$wheel" | cut -d ' ' -f 1) $site ${needs[*]} $joined"
    [ "$(cat "$folder/installed-wheel" 2> /dev/null)" != "$stamp" ] || return 0
    rm -f "$folder/installed-wheel"
    "$folder/bin/python" -m pip install --quiet "$wheel${joined:+[$joined]}" "${needs[@]}"
    "$folder/bin/python" -m pip install --quiet --no-deps --force-reinstall "$wheel"
    echo "$stamp" > "$folder/installed-wheel"
    changed=yes
}

# copied to FOLDER/models; FOLDER/model names the one that the service and the demo use
install_models() {
    local name names sums=$folder/models/SHA256SUMS
    names=$(packed 'models/.*')
    if [ -n "$names" ] && ! cmp -s "$sums" <(grep '  models/' "$here/SHA256SUMS"); then
        rm -rf "$folder/models"
        mkdir "$folder/models"
        while read -r name; do cp "$here/$name" "$folder/models/"; done <<< "$names"
        grep '  models/' "$here/SHA256SUMS" > "$sums"
        changed=yes
    fi
    shopt -s nullglob
    local manifests=("$folder"/models/*.json)  # each artifact has one, whatever its format
    local models=("${manifests[@]%.json}")
    [ ${#models[@]} -lt 2 ] || echo "Several models: the shipped one is used unless --model names another"
    [ ${#models[@]} = 1 ] || models=("$("$folder/bin/python" -P -c \
        'from asmnet_edge.io.files import SHIPPED_INT8, shipped; print(shipped(SHIPPED_INT8))')")
    echo "${models[0]}" > "$folder/model"
}

# quoted for an EnvironmentFile of systemd, where % is no specifier and $ no variable
quoted() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"`$]/\\&/g')"; }

write_settings() {
    local source others made
    source=$(grep '^ASMNET_EDGE_SOURCE=' "$settings" 2> /dev/null || true)
    [ -z "$service" ] || source=ASMNET_EDGE_SOURCE=$(quoted "$service")
    others=$(grep -vE '^ASMNET_EDGE_(SOURCE|MODEL)=' "$settings" 2> /dev/null || cat << 'END'
# Settings of asmnet-edge.service. After a change: sudo systemctl restart asmnet-edge
# install.sh writes the two lines above; a --model among the options overrides the second.
# The token that the page asks for, at least 8 characters; needed with --address 0.0.0.0
ASMNET_EDGE_TOKEN=""
# More options of predict, such as --address 0.0.0.0, --faces 4, or --records faces.csv. That file is written
# to /var/lib/asmnet-edge, the only folder that the service can write to
ASMNET_EDGE_OPTIONS="--size 640x480"
END
    )
    made=$(echo "$source"; echo "ASMNET_EDGE_MODEL=$(quoted "$(cat "$folder/model")")"; echo "$others")
    [ "$(cat "$settings" 2> /dev/null)" != "$made" ] || return 0
    rm -f "$settings.new"
    (umask 077 && echo "$made" > "$settings.new")
    mv "$settings.new" "$settings"
    changed=yes
}

write_unit() {
    local made
    made=$(cat "$here/asmnet-edge.service")
    made=${made//@USER@/"$(id -un)"}
    made=${made//@FOLDER@/"$folder"}
    [ "$(cat "$unit" 2> /dev/null)" != "$made" ] || return 0
    echo "$made" | sudo tee "$unit" > /dev/null
    sudo systemctl daemon-reload
    changed=yes
}

dead() { fail "the service does not run: see journalctl -u asmnet-edge -n 20" 1; }

start_service() {
    local verb=start
    [ -z "$changed" ] || verb=restart
    sudo systemctl enable --quiet asmnet-edge
    sudo systemctl $verb asmnet-edge || true
    systemctl is-active --quiet asmnet-edge || dead
    echo "The service runs. Its log: journalctl -u asmnet-edge -f"
}

changed=
read_arguments "$@"
check_system
check_bundle
choose_wheel
find_picamera2
make_environment
install_wheel
install_models
"$folder/bin/asmnet-edge" doctor || true
if [ -n "$service" ] || { [ -f "$unit" ] && [ -f "$settings" ]; }; then
    write_settings
    write_unit
fi
if [ -n "$service" ]; then
    start_service
elif [ -n "$changed" ] && [ -f "$unit" ]; then
    sudo systemctl try-restart asmnet-edge || dead
fi
echo "Installed. Try: $folder/bin/asmnet-edge predict photo.jpg"
