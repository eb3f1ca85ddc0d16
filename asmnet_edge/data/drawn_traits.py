"""What is drawn of a face, and how it is drawn by lot: build, expression, pose, colours, light.

Everything is sampled here, nothing is drawn: `Build` decides where the landmarks are, `Look` only
how the pixels are coloured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asmnet_edge.landmarks import FloatArray

POSE_LIMITS = np.array([50.0, 25.0, 25.0])  # degrees: yaw, pitch, roll
LOPSIDED = 0.1  # standard deviation of a knob between the two halves of a face

# BGR, from the lightest to the darkest
SKINS = np.array([[196, 212, 240], [160, 186, 226], [120, 156, 208], [84, 118, 170], [52, 76, 118]])
HAIRS = np.array(
    [[24, 24, 28], [30, 40, 58], [40, 62, 96], [92, 142, 188], [42, 78, 150], [158] * 3]
)
IRISES = np.array([[30, 48, 76], [46, 78, 106], [132, 112, 78], [84, 116, 92], [22, 30, 46]])
LIPS = np.array([104, 100, 196])


@dataclass(frozen=True)
class Knob:
    """One way in which heads differ: points near ``centre`` shift and stretch, both halves alike.

    centre, reach : the place (x >= 0) and sigma of its Gaussian neighbourhood
    move : shift in it, grow : relative stretch about its centre; per standard deviation
    """

    centre: tuple[float, float, float]
    reach: float
    move: tuple[float, float, float] = (0.0, 0.0, 0.0)
    grow: tuple[float, float, float] = (0.0, 0.0, 0.0)


KNOBS = (
    Knob((0.0, 0.3, 0.5), 2.0, grow=(0.035, 0.0, 0.0)),  # broad face
    Knob((0.0, 0.0, 0.5), 2.0, grow=(0.0, 0.03, 0.0)),  # long face
    Knob((0.0, 0.0, 0.5), 2.0, grow=(0.0, 0.0, 0.05)),  # deep head
    Knob((0.6, 0.9, 0.2), 0.40, move=(0.045, 0.0, 0.0)),  # square jaw
    Knob((0.0, 1.2, 0.0), 0.30, move=(0.0, 0.05, -0.03)),  # long chin
    Knob((0.6, 0.4, 0.2), 0.25, move=(0.03, 0.0, -0.02)),  # full cheeks
    Knob((0.36, 0.0, 0.0), 0.20, move=(0.02, 0.0, 0.0)),  # eyes apart
    Knob((0.36, 0.0, 0.0), 0.15, grow=(0.08, 0.16, 0.0)),  # large eyes
    Knob((0.5, 0.0, 0.05), 0.12, move=(0.0, -0.015, 0.0)),  # slanted eyes
    Knob((0.45, -0.26, -0.06), 0.16, move=(0.0, -0.03, 0.0)),  # raised brows
    Knob((0.2, -0.22, -0.13), 0.12, move=(-0.01, -0.025, 0.0)),  # raised inner brows
    Knob((0.0, 0.48, -0.25), 0.20, move=(0.0, 0.02, -0.01)),  # long nose
    Knob((0.12, 0.5, -0.17), 0.12, move=(0.02, 0.0, 0.0)),  # broad nose
    Knob((0.0, 0.3, -0.3), 0.20, move=(0.0, 0.0, -0.035)),  # high nose
    Knob((0.0, 0.78, -0.1), 0.25, grow=(0.1, 0.0, 0.0)),  # broad mouth
    Knob((0.0, 0.78, -0.1), 0.22, move=(0.0, 0.02, 0.0)),  # low mouth
    Knob((0.0, 0.78, -0.1), 0.18, grow=(0.0, 0.2, 0.0)),  # full lips
    Knob((0.3, 0.77, 0.0), 0.14, move=(0.03, -0.035, 0.02)),  # smile
    Knob((0.0, -0.9, 0.2), 0.45, move=(0.0, -0.05, 0.0)),  # high forehead
)


@dataclass(frozen=True)
class Build:
    """All that moves landmarks.

    pose : (3,) yaw, pitch, roll in degrees; knobs : (2, knobs) turns of `KNOBS`, in standard
    deviations, for the picture's left and right half of the face; jaw_drop : degrees by which the
    jaw opens; lids : opening of the eyes, 1 as in the mean face; scale : one inter-ocular distance
    and centre : (2,) the middle of the head, both as shares of the picture's side
    """

    pose: FloatArray
    knobs: FloatArray
    jaw_drop: float
    lids: float
    scale: float
    centre: FloatArray


@dataclass(frozen=True)
class Look:
    """All that only colours pixels; colours are (3,) BGR, 0 to 255.

    hairline : how high the hair begins, parting : how much higher on the picture's right, -1 to 1
    hair_volume : in inter-ocular distances, 0 is bald; long_hair : falls behind the neck
    beard, blush, folds, brows : strength, 0 to 1; brow_width : half, on the map
    gaze : (2,) shift of the irises in iris radii; light : (3,) towards the lamp, picture's axes, unit
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


def sample_build(rng: Generator) -> Build:
    """A build by lot; bell-shaped, so that most faces look nearly straight ahead."""
    bells = 2 * rng.beta(3.0, 3.0, 3) - 1
    common = rng.normal(size=len(KNOBS)).clip(-2, 2)
    return Build(
        pose=POSE_LIMITS * bells,
        knobs=common + LOPSIDED * rng.normal(size=(2, len(KNOBS))).clip(-2, 2),
        jaw_drop=float(max(0.0, rng.normal(0.0, 6.0))),
        lids=float(rng.uniform(0.9, 1.7)) if rng.random() < 0.94 else 0.15,
        scale=float(rng.uniform(0.26, 0.31)),
        centre=0.5 + rng.uniform(-0.03, 0.03, 2),
    )


def sample_look(rng: Generator) -> Look:
    """A look by lot."""
    skin = _between(SKINS, rng)
    long_hair, bearded = bool(rng.random() < 0.4), bool(rng.random() < 0.3)
    return Look(
        skin=skin,
        hair=(HAIRS[rng.integers(len(HAIRS))] * rng.uniform(0.8, 1.2)).clip(0, 255),
        iris=IRISES[rng.integers(len(IRISES))].astype(float),
        lips=_mixed(skin * 0.86, LIPS * skin.mean() / 190, rng.uniform(0.3, 0.8)),
        clothes=(rng.uniform(20, 220) + rng.normal(0, 25, 3)).clip(0, 255),
        rim=rng.uniform(10, 70, 3),
        lamp=1 + rng.normal(0, 0.05) * np.array([-1.0, 0.0, 1.0]),
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
    return vector / np.linalg.norm(vector)


def _between(palette: FloatArray, rng: Generator) -> FloatArray:
    """A colour (3,) at a random place along ``palette`` (n, 3), a little off it."""
    at = rng.uniform(0, len(palette) - 1)
    low = min(int(at), len(palette) - 2)
    return _mixed(palette[low], palette[low + 1], at - low) * rng.uniform(0.98, 1.02, 3)


def _mixed(one: FloatArray, other: FloatArray, share: float) -> FloatArray:
    return (1 - share) * one + share * other
