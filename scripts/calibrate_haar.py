"""Measure how OpenCV's Haar boxes relate to the boxes of the landmarks, on 300W training faces.

    python scripts/calibrate_haar.py --data data/300w

Prints the numbers that are constants of `asmnet_edge.runtime.haar`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from asmnet_edge.datasets.sample import Sample
from asmnet_edge.datasets.w300 import W300
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.runtime.haar import haar_boxes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    samples = W300(parser.parse_args().data).samples("train")
    ratios = [r for sample in samples if (r := relation(sample)) is not None]
    x, y, side = np.median(ratios, axis=0)
    print(f"found {len(ratios)} of {len(samples)}")
    print(f"longer side of the landmarks' box / Haar's: {side:.3f}")
    print(f"centre of the landmarks' box from Haar's, in its sides: {x:+.3f}, {y:+.3f}")


def relation(sample: Sample) -> FloatArray | None:
    """Return dx, dy and side (3,) of the landmarks' box in sides of the Haar box on it, or None."""
    truth = sample.landmarks.box
    for box in haar_boxes(sample.load()):
        offset = (np.array(truth.centre) - box.centre) / box.width
        side = max(truth.width, truth.height) / box.width
        if np.abs(offset).max() < 0.3 and 0.6 < side < 1.4:
            return np.array([*offset, side])
    return None


if __name__ == "__main__":
    main()
