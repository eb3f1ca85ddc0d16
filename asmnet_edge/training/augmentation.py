"""Augmentation: random views of a face, with landmarks and pose moved along.

All random numbers come from the generator passed in, so a batch is a pure function of its seed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from asmnet_edge.geometry.crop import CropRule, crop_matrix, cut
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.images import Picture, decode_image, encode_image


@dataclass(frozen=True)
class Augmentation:
    """Strength of augmentation.

    rotation, scale, shift : standard deviations, in degrees, log of the crop's side, and share of
    the crop's side; the others : probabilities
    """

    rotation: float = 15.0
    scale: float = 0.08
    shift: float = 0.04
    flip: float = 0.5
    light: float = 0.8
    grey: float = 0.1
    blur: float = 0.15
    noise: float = 0.15
    occlusion: float = 0.25
    low_resolution: float = 0.1
    jpeg: float = 0.1


NO_AUGMENTATION = Augmentation(*(0.0,) * len(fields(Augmentation)))


@dataclass(frozen=True)
class View:
    """Random view of a face, from `draw_view`.

    matrix : (2, 3) from pack pixels to crop pixels; rotation : clockwise degrees
    mirrored : after the rotation
    """

    matrix: FloatArray
    rotation: float
    mirrored: bool


def draw_view(
    points: FloatArray, size: int, augmentation: Augmentation, rng: np.random.Generator
) -> View:
    """Draw a random crop of ``size`` pixels near that of the crop rule for ``points`` (n, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = CropRule().margin * float((high - low).max())
    spread = rng.normal(size=4).clip(-2.5, 2.5)
    rotation = float(augmentation.rotation * spread[0])
    moved = (low + high) / 2 + augmentation.shift * side * spread[1:3]
    grown = side * float(np.exp(augmentation.scale * spread[3]))
    mirrored = bool(rng.random() < augmentation.flip)
    matrix = crop_matrix((moved[0], moved[1]), grown, size, rotation, mirrored)
    return View(matrix, rotation, mirrored)


def render(
    picture: Picture, view: View, size: int, augmentation: Augmentation, rng: np.random.Generator
) -> Picture:
    """Render the crop (size, size, 3) BGR of ``picture`` by ``view``, and change its pixels."""
    crop = cut(picture, view.matrix, size)
    for chance, effect in (
        (augmentation.low_resolution, _low_resolution),
        (augmentation.light, _light),
        (augmentation.grey, _grey),
        (augmentation.blur, _blur),
        (augmentation.occlusion, _occlusion),
        (augmentation.noise, _noise),
        (augmentation.jpeg, _jpeg),
    ):
        if rng.random() < chance:
            crop = effect(crop, rng)
    return crop


def _light(crop: Picture, rng: np.random.Generator) -> Picture:
    """Gain, offset and gamma, slightly different in each channel, by a table of 256 levels."""
    levels = np.arange(256)[:, None] / 255
    gamma = np.exp(rng.normal(0, 0.25))
    gain = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.06, 3))
    table = gain * levels**gamma + rng.normal(0, 0.08)
    return cv2.LUT(crop, (255 * table).clip(0, 255).astype(np.uint8)[None])  # type: ignore[return-value]


def _grey(crop: Picture, rng: np.random.Generator) -> Picture:
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def _blur(crop: Picture, rng: np.random.Generator) -> Picture:
    sigma = rng.uniform(0.3, 1.6) * len(crop) / 128
    return cv2.GaussianBlur(crop, (0, 0), sigma)  # type: ignore[return-value]


def _low_resolution(crop: Picture, rng: np.random.Generator) -> Picture:
    small = round(len(crop) * rng.uniform(0.25, 0.7))
    reduced = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(reduced, crop.shape[1::-1])  # type: ignore[return-value]


def _noise(crop: Picture, rng: np.random.Generator) -> Picture:
    grain = rng.standard_normal(crop.shape, np.float32) * np.float32(rng.uniform(2, 12))
    return (crop + grain).clip(0, 255).astype(np.uint8)


def _jpeg(crop: Picture, rng: np.random.Generator) -> Picture:
    """The blocks and ringing of strong compression."""
    quality = int(rng.integers(15, 60))
    return decode_image(encode_image(crop, ".jpg", quality), "augmented crop")


def _occlusion(crop: Picture, rng: np.random.Generator) -> Picture:
    """A rectangle of one colour over up to a sixth of the crop."""
    size = len(crop)
    width, height = (rng.uniform(0.08, 0.4, 2) * size).astype(int)
    x, y = (int(rng.integers(0, size - side)) for side in (width, height))
    crop = crop.copy()
    crop[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    return crop
