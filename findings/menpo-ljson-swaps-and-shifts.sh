#!/usr/bin/env bash
# menpo turns the "x y" of a .pts file into [y - 1, x - 1], in memory and in the .ljson that it
# writes.
#
# Package:  menpo 0.11.1, numpy 2.4.6
# Guess:    reading landmarks and writing them in another format keeps the numbers; JSON made of a
#           .pts file holds x, y.
# Seen:     the point "10 20" of a .pts file is 19, 9 in menpo and [19.0, 9.0] in the .ljson;
#           written back to .pts it is "10 20" again, so a round trip shows nothing. The .ljson does
#           not say which axis is first, nor where it counts from.
# Matters:  a program that takes the pairs of such a file for x, y sees the face lie on its side; in
#           one that swaps but does not shift, every landmark is a pixel off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check menpo==0.11.1 numpy==2.4.6
cd "$folder"
printf 'version: 1\nn_points: 2\n{\n10.0 20.0\n30.5 40.25\n}\n' > face.pts
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys

import menpo.io

points = menpo.io.import_landmark_file("face.pts")["PTS"]
menpo.io.export_landmark_file(points, "face.ljson")
menpo.io.export_landmark_file(points, "back.pts")
with open("face.ljson") as file:
    written = json.load(file)["groups"]["LJSON"]["landmarks"]["points"]
with open("back.pts") as file:
    back = [[float(number) for number in line.split()] for line in file if line[0].isdigit()]
print("in the .pts file: [[10.0, 20.0], [30.5, 40.25]]")
print("in menpo:        ", points.points.tolist())
print("in the .ljson:   ", written)
print("in .pts again:   ", back)
swapped = [[19.0, 9.0], [39.25, 29.5]]
as_stated = points.points.tolist() == swapped == written and back == [[10.0, 20.0], [30.5, 40.25]]
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
