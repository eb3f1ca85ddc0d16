"""Jitter of landmarks from frame to frame, which NME on single pictures does not show.

still : the same crop with fresh sensor noise; moving : the crop slides by parts of a pixel and the
landmarks are carried back by the same. The movement that is left is the network's. Both are made
from the faces' crops, the same for every model.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.record_types import Jitter
from asmnet_edge.crop import FILL
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.runtime.backends.backend import Crop
from asmnet_edge.schemes import LandmarkScheme

FACES, FRAMES = 4, 12
NOISE = 2.0  # standard deviation of the sensor noise, of 255
STEP = (0.37, 0.23)  # pixels of a 224 crop that it slides from frame to frame


def jitter(
    predict: Callable[[Crop], tuple[FloatArray, FloatArray]], crops: Crop, scheme: LandmarkScheme
) -> Jitter:
    """Measure the RMS distance of a landmark to its mean place, % of the inter-ocular distance.

    crops : (faces, s, s, 3), the first `FACES` of which are used
    """
    found: dict[str, list[float]] = {"still": [], "moving": []}
    for crop in crops[:FACES]:
        for name, (frames, shifts) in (("still", still(crop)), ("moving", moving(crop))):
            landmarks = predict(frames)[0] - shifts[:, None] / crop.shape[0]
            found[name].append(_deviation_from_mean(landmarks, scheme))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return Jitter(means["still"], means["moving"], len(crops[:FACES]), FRAMES)


def _deviation_from_mean(landmarks: FloatArray, scheme: LandmarkScheme) -> float:
    """RMS distance of ``landmarks`` (frames, n, 2) of one unmoving face to their mean."""
    mean = landmarks.mean(axis=0)
    squares = ((landmarks - mean) ** 2).sum(axis=2)
    return 100 * float(np.sqrt(squares.mean()) / metrics.inter_ocular(mean[None], scheme)[0])


def still(crop: Crop) -> tuple[Crop, FloatArray]:
    """Return ``crop`` (s, s, 3) under noise, (FRAMES, s, s, 3), and its shifts: none."""
    rng = np.random.default_rng(0)
    noisy = crop + rng.normal(0, NOISE, (FRAMES, *crop.shape))
    return np.clip(noisy.round(), 0, 255).astype(np.uint8), np.zeros((FRAMES, 2))


def moving(crop: Crop) -> tuple[Crop, FloatArray]:
    """Return ``crop`` (s, s, 3) sliding, (FRAMES, s, s, 3), and its pixel shifts (FRAMES, 2)."""
    size = crop.shape[0]
    shifts = np.arange(FRAMES)[:, None] * np.array(STEP) * size / 224
    frames = [_slid(crop, shift) for shift in shifts]
    return np.stack(frames), shifts


def _slid(crop: Crop, shift: FloatArray) -> Crop:
    matrix = np.column_stack([np.eye(2), shift])
    size = (crop.shape[1], crop.shape[0])
    fill = (FILL, FILL, FILL)
    return cv2.warpAffine(  # type: ignore[return-value]
        crop, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )
