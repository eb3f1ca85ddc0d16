#!/usr/bin/env bash
# `import openvino` alone, without a model and without a question, gives the machine an identity for
# usage reports.
#
# Package:  openvino 2026.4.1 with openvino-telemetry 2025.2.0, which it installs, numpy 2.4.6
# Guess:    a library reports usage at most from its command-line tools, and only after its consent
#           dialog was answered with yes; openvino_telemetry has such a dialog.
# Seen:     with a fresh home directory and no terminal, importing OpenVINO writes
#           ~/intel/openvino_ga_cid, a random client ID for Google Analytics; no file records consent.
#           Where openvino_telemetry cannot be imported, the import works all the same and writes
#           nothing.
# Matters:  offline devices, containers and data protection: each new home directory counts as a new
#           client, and a program that only reads .xml files reports too. `opt_in_out --opt_out` is
#           needed for each home directory; a program can set sys.modules["openvino_telemetry"] to
#           None before the import.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check --quiet install \
    openvino==2026.4.1 openvino-telemetry==2025.2.0 numpy==2.4.6

# prints the files that a program leaves in a fresh home directory
left_by() {
    mkdir "$folder/$1"
    env -i PATH="$PATH" HOME="$folder/$1" "$folder/venv/bin/python" -c "$2" < /dev/null
    (cd "$folder/$1" && find . -type f | sort)
}
usual=$(left_by usual "import openvino")
blocked=$(left_by blocked "import sys; sys.modules['openvino_telemetry'] = None; import openvino")
echo "import openvino:              ${usual:-nothing}" | tr '\n' ' ' && echo
echo "without openvino_telemetry:   ${blocked:-nothing}"
if grep -q ./intel/openvino_ga_cid <<< "$usual" && ! grep -q "./intel/openvino_telemetry" <<< "$usual" \
    && [ -z "$blocked" ]; then
    echo "as stated"
else
    echo "CHANGED"
    exit 1
fi
