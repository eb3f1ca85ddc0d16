#!/usr/bin/env bash
# albumentations' ElasticTransform drops landmarks of a closed mouth, renumbers the rest and lifts
# all by a pixel.
#
# Package:  albumentations 2.0.8, opencv-python-headless 5.0.0.93, numpy 2.4.6
# Guess:    with remove_invisible=False as many keypoints come back as went in, in order, and a
#           distortion too weak to change a pixel leaves them where they are.
# Seen:     of a mouth of 20 landmarks whose inner lips touch (three pairs less than half a pixel
#           apart), 17 come back: the list has no gaps, so landmark 13 is the former 16, and 14 the
#           former 17. The picture is unchanged, yet the outer lips are at whole pixels and 1.2
#           pixels higher in the mean. Keypoints are painted as small crosses into a mask, which is
#           distorted; the topmost pixel of a cross counts, and who is painted over is gone.
#           GridDistortion, OpticalDistortion and ThinPlateSpline share that code.
# Matters:  a face with a closed mouth is the common case. keypoint_remapping_method="direct" keeps
#           the count, though it cuts fractions off; label_fields tell at least which landmarks are
#           left.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    albumentations==2.0.8 opencv-python-headless==5.0.0.93 numpy==2.4.6
NO_ALBUMENTATIONS_UPDATE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import albumentations as A
import numpy as np

warnings.simplefilter("ignore")
outer = 60 + 24.3 * np.exp(1j * np.radians(np.arange(180, 540, 30)))  # 12 points around the lips
outer = np.column_stack([outer.real, 90.2 + outer.imag / 3])
upper = np.column_stack([np.linspace(42.6, 77.4, 5), np.full(5, 90.2)])  # corner, three points, corner
lower = upper[3:0:-1] + [0.0, 0.2]  # three points that touch them
mouth = np.concatenate([outer, upper, lower])
columns = np.arange(128)
numbers = list(range(len(mouth)))
picture = (127 + 100 * np.outer(np.sin(columns / 9), np.cos(columns / 7))).astype(np.uint8)
keep = A.KeypointParams("xy", remove_invisible=False, label_fields=["numbers"])


def distorted(method: str) -> tuple[np.ndarray, list[int]]:
    """Return the landmarks after a distortion that changes no pixel, and their former numbers."""
    transform = A.ElasticTransform(alpha=0.001, sigma=12, keypoint_remapping_method=method, p=1)
    seen = A.Compose([transform], keypoint_params=keep, seed=0)(image=picture, keypoints=mouth, numbers=numbers)
    print("change of the picture:", int(np.abs(seen["image"].astype(int) - picture).max()))
    return np.asarray(seen["keypoints"], float)[:, :2], [int(number) for number in seen["numbers"]]


(masked, former), (direct, _) = distorted("mask"), distorted("direct")
lift = float((masked[:12] - mouth[:12]).mean(0)[1])
shift = (direct - mouth).mean(0)
print(f"landmarks in {len(mouth)}, out by mask {len(masked)}, direct {len(direct)}")
print("landmark i, by mask, is the former:", *former)
print(f"mean move of the outer lips by mask, downwards: {lift:.2f}")
print(f"mean move of all by direct, x and y: {shift[0]:.2f} {shift[1]:.2f}")
renumbered = former == [*range(13), 16, 17, 18, 19] and len(direct) == 20
as_stated = renumbered and -1.3 < lift < -0.7 and bool((masked % 1 == 0).all())
print("as stated" if as_stated else "CHANGED")
sys.exit(not as_stated)
PYTHON
