"""Random look of a drawn face: skin, hair, glasses, light, camera. No landmark moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asmnet_edge.landmarks import FloatArray

# BGR, from the lightest to the darkest
SKINS = np.array([[184, 202, 236], [160, 186, 226], [120, 156, 208], [84, 118, 170], [52, 76, 118]])
HAIRS = np.array(
    [[24, 24, 28], [30, 40, 58], [40, 62, 96], [92, 142, 188], [42, 78, 150], [158] * 3]
)
IRISES = np.array([[30, 48, 76], [46, 78, 106], [132, 112, 78], [84, 116, 92], [22, 30, 46]])
LIPS = np.array([104, 100, 196])


@dataclass(frozen=True)
class Look:
    """Everything that affects pixels but not landmarks; colours are (3,) BGR, 0 to 255.

    hairline : how high the hair begins, parting : how much higher on the picture's right, -1 to 1
    hair_volume : in inter-ocular distances, 0 is bald; long_hair : falls behind the neck
    beard, blush, folds, brows : strength, 0 to 1; brow_width : half, on the map
    gaze : (2,) shift of the irises in iris radii
    light : (3,) unit, towards the lamp, in the picture's axes; lamp : (3,) factors of its colour
    ambient : share of light from everywhere; gloss : strength of the shine on the skin
    glasses : width of the rim in inter-ocular distances, 0 is none
    blur : sigma in 1/256 of the picture's side; noise : sigma in grey levels; quality : of JPEG
    """

    skin: FloatArray
    hair: FloatArray
    iris: FloatArray
    lips: FloatArray
    clothes: FloatArray
    rim: FloatArray
    lamp: FloatArray
    hairline: float
    parting: float
    hair_volume: float
    long_hair: bool
    beard: float
    blush: float
    folds: float
    brows: float
    brow_width: float
    gaze: FloatArray
    light: FloatArray
    ambient: float
    gloss: float
    glasses: float
    blur: float
    noise: float
    quality: int


def sample_look(rng: Generator) -> Look:
    """Draw a random look."""
    skin = _between(SKINS, rng)
    long_hair, bearded = bool(rng.random() < 0.4), bool(rng.random() < 0.3)
    return Look(
        skin=skin,
        hair=(HAIRS[rng.integers(len(HAIRS))] * rng.uniform(0.8, 1.2)).clip(0, 255),
        iris=IRISES[rng.integers(len(IRISES))].astype(float),
        lips=_mixed(skin * 0.86, LIPS * skin.mean() / 190, rng.uniform(0.5, 1.0)),
        clothes=(rng.uniform(20, 220) + rng.normal(0, 25, 3)).clip(0, 255),
        rim=rng.uniform(10, 70, 3),
        lamp=1 + rng.normal(0.02, 0.04) * np.array([-1.0, 0.0, 1.0]),
        hairline=float(rng.uniform(-1, 1)),
        parting=float(rng.uniform(-1, 1)),
        hair_volume=0.0 if not long_hair and rng.random() < 0.1 else float(rng.uniform(0.05, 0.2)),
        long_hair=long_hair,
        beard=float(rng.uniform(0.2, 0.9)) if bearded and not long_hair else 0.0,
        blush=float(rng.uniform(0, 1)),
        folds=float(rng.uniform(0, 1)),
        brows=float(rng.uniform(0.55, 1)),
        brow_width=float(rng.uniform(0.018, 0.04)),
        gaze=rng.normal(0, 0.25, 2).clip(-0.6, 0.6),
        light=_lamp_direction(rng),
        ambient=float(rng.uniform(0.4, 0.7)),
        gloss=float(rng.uniform(0, 0.25)),
        glasses=float(rng.uniform(0.018, 0.045)) if rng.random() < 0.2 else 0.0,
        blur=float(rng.uniform(0.4, 1.1)),
        noise=float(rng.uniform(0.5, 5)),
        quality=int(rng.integers(60, 96)),
    )


def _lamp_direction(rng: Generator) -> FloatArray:
    """Unit vector (3,) towards a lamp in front of the face, mostly above it."""
    vector = np.array([rng.normal(0, 0.5), rng.uniform(-0.9, 0.1), -1.0])
    return np.asarray(vector / np.linalg.norm(vector))


def _between(palette: FloatArray, rng: Generator) -> FloatArray:
    """A colour (3,) at a random place along ``palette`` (n, 3), a little off it."""
    at = rng.uniform(0, len(palette) - 1)
    low = min(int(at), len(palette) - 2)
    return _mixed(palette[low], palette[low + 1], at - low) * rng.uniform(0.98, 1.02, 3)


def _mixed(one: FloatArray, other: FloatArray, share: float) -> FloatArray:
    return (1 - share) * one + share * other
