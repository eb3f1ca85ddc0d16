"""Thousands of broken pictures: each is read or refused in one line; nothing crashes.

python tests/runtime/soak_pictures.py --count 2000
"""

from __future__ import annotations

import argparse
import random
import runpy
import time
from collections import Counter
from pathlib import Path
from typing import Any

from asmnet_edge.errors import PictureError
from asmnet_edge.io.images import decode_image, encode_image
from asmnet_edge.rendering.drawn_face import draw_face
from asmnet_edge.runtime.landmarker import FaceLandmarker

mutate = runpy.run_path(str(Path(__file__).with_name("soak_artifacts.py")))["mutate"]
SUFFIXES = (".jpg", ".png", ".bmp", ".webp", ".tif")


def soak(count: int, seed: int = 0) -> dict[str, Any]:
    rng, outcome, start = random.Random(seed), Counter[str](), time.monotonic()
    whole = {suffix: encode_image(draw_face(1).picture, suffix) for suffix in SUFFIXES}
    landmarker = FaceLandmarker.open()
    for number in range(count):
        suffix = SUFFIXES[number % len(SUFFIXES)]
        try:
            picture = decode_image(mutate(whole[suffix], rng), f"number {number}{suffix}")
        except PictureError as error:
            assert "\n" not in str(error)
            assert f"number {number}" in str(error)
            outcome[f"{suffix} refused"] += 1
            continue
        assert picture.ndim == 3
        landmarker.detect(picture[:1024, :1024])
        outcome[f"{suffix} read"] += 1
    return {**outcome, "seconds": round(time.monotonic() - start, 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(soak(options.count, options.seed))
