#!/usr/bin/env bash
# xtcocotools judges face landmarks by the size of the person's body, not of the face.
#
# Package:  xtcocotools 1.14.3, numpy 1.26.4
# Guess:    with iouType "keypoints_face" the object keypoint similarity is scaled by the face
#           (face_box), so the same face with the same error has the same similarity.
# Seen:     the scale is the annotation's "area", which is that of the whole person. One face of 60
#           x 60 pixels with all 68 points 3 pixels off has similarity 0.044 where only the head is
#           in the picture (area 3600) and 0.911 where the body is too (area 120000); face_box is
#           not read. use_area=False takes the box of the person, so it does the same.
# Matters:  face AP on COCO-WholeBody is mostly a statement about how much of the body is visible.
#           It cannot be compared with NME, nor between close-ups (a web camera) and full figures.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xtcocotools==1.14.3 numpy==1.26.4
"$folder/venv/bin/python" - "$folder/people.json" <<'PYTHON'
import json
import sys

import numpy as np
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

SIGMAS = np.full(68, 0.01)  # one for all points
grid = np.random.default_rng(0).uniform(100, 160, (68, 2))


def keypoints(points: np.ndarray) -> list[float]:
    """Return x, y, visibility of all points in one list."""
    return np.column_stack([points, np.full(68, 2)]).ravel().tolist()


def person(number: int, points: np.ndarray, area: float, side: float) -> dict:
    """Return an annotation of a person with the given face."""
    return {
        "id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "score": 1.0,
        "area": area, "bbox": [100, 100, 60, side], "face_box": [100, 100, 60, 60], "face_valid": True,
        "face_kpts": keypoints(points), "keypoints": [0] * 51, "num_keypoints": 0,
    }  # fmt: skip


truth = [person(1, grid, 3600, 60), person(2, grid, 120000, 2000)]
found = [person(1, grid + [3, 0], 3600, 60), person(2, grid + [3, 0], 120000, 2000)]
pictures = [{"id": 1, "width": 2000, "height": 2000}, {"id": 2, "width": 2000, "height": 2000}]
with open(sys.argv[1], "w") as file:
    json.dump({"images": pictures, "annotations": truth, "categories": [{"id": 1, "name": "person"}]}, file)

coco = COCO(sys.argv[1])
judge = COCOeval(coco, coco.loadRes(found), "keypoints_face", SIGMAS)
judge.evaluate()
head, figure = (float(judge.ious[number, 1][0, 0]) for number in (1, 2))
print(f"similarity of the face, head only in the picture (area   3600): {head:.3f}")
print(f"similarity of the face, whole figure visible     (area 120000): {figure:.3f}")
as_stated = np.allclose([head, figure], np.exp(-9 / 2 / (2 * 0.01) ** 2 / np.array([3600, 120000])))
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
