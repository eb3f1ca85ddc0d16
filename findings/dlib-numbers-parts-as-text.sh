#!/usr/bin/env bash
# dlib orders the landmarks of a training file by their names as text: 0, 1, 10, 11, 2, 3 ...
#
# Package:  dlib-bin 20.0.1.post1, numpy 2.4.6
# Guess:    part(i) of a trained shape predictor is the part named i in the XML file, or the i-th
#           part in the file.
# Seen:     trained on faces of twelve parts named 0 to 11, in that order in the file, part(2) is
#           the part named 10 and part(4) the one named 2; with the names 00 to 11 part(i) is the
#           part named i.
# Matters:  the training files of 300W write 00, 01 ... and so hide it; files that converters write
#           with plain numbers train a predictor that is accurate and whose points are shuffled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dlib-bin==20.0.1.post1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import dlib
import numpy as np

PARTS, PICTURES = 12, 8
random = np.random.default_rng(0)
angles = np.radians(np.arange(PARTS) * 30)
places = np.column_stack([60 + 30 * np.cos(angles), 60 + 30 * np.sin(angles)])
rows, columns = np.mgrid[:120, :120]


def picture(points: np.ndarray) -> np.ndarray:
    """Return a black picture with a white disc at each point."""
    distance = np.hypot(columns[..., None] - points[:, 0], rows[..., None] - points[:, 1])
    return np.where(distance.min(-1) < 3.5, 255, 0).astype(np.uint8)


def order(name: str) -> list[int]:
    """Return the places of the parts of a predictor trained with part names in this format."""
    text = "<dataset><images>"
    for number in range(PICTURES):
        points = np.round(places + random.integers(-3, 4, 2)).astype(int)
        dlib.save_image(picture(points), f"{number}.png")
        parts = "".join(f"<part name='{name % i}' x='{x}' y='{y}'/>" for i, (x, y) in enumerate(points))
        text += f"<image file='{number}.png'><box top='15' left='15' width='90' height='90'>{parts}</box></image>"
    with open("train.xml", "w") as file:
        file.write(text + "</images></dataset>")
    options = dlib.shape_predictor_training_options()
    options.oversampling_amount, options.cascade_depth, options.tree_depth = 5, 5, 2
    options.num_trees_per_cascade_level, options.num_threads = 20, 1
    dlib.train_shape_predictor("train.xml", "predictor.dat", options)
    box = dlib.rectangle(15, 15, 104, 104)
    shape = dlib.shape_predictor("predictor.dat")(picture(places), box)
    found = [(shape.part(i).x, shape.part(i).y) for i in range(shape.num_parts)]
    return [int(np.hypot(*(places - point).T).argmin()) for point in found]


plain, padded = order("%d"), order("%02d")
print("names 0 to 11:  part(i) is at the place of", *plain)
print("names 00 to 11: part(i) is at the place of", *padded)
as_stated = plain == sorted(range(PARTS), key=str) and padded == list(range(PARTS))
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
