"""Random traits of a drawn face: its build, which moves landmarks, and its look, which does not.

The build is pose, identity and expression, as moves of control points; the look is skin, hair,
glasses, light and camera. The control points are the 68 of the mean face and more on the skull and
the throat, where there are no landmarks. Units are inter-ocular distances, axes those of
`asmnet_edge.geometry.pose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import mean_face, rotation

POSE_LIMITS = np.array([50.0, 25.0, 25.0])  # degrees: yaw, pitch, roll
WIDE_LIMITS = np.array([90.0, 40.0, 25.0])
LOPSIDED = 0.1  # standard deviation of a knob between the two halves of a face
HINGE = np.array([0.0, 0.2, 0.75])  # the axis, along x, about which the jaw opens

# right half of the face (x > 0) or midline, where the landmarks leave wide gaps
FLESH = (
    *((0.45, 0.33, 0.03), (0.27, 0.24, -0.03), (0.30, 0.50, -0.07), (0.62, 0.30, 0.16)),
    *((0.36, 0.62, -0.02), (0.56, 0.62, 0.16), (0.45, 0.85, 0.08), (0.70, 0.05, 0.25)),
    *((0.10, 0.13, -0.11), (0.12, 0.27, -0.15), (0.15, 0.42, -0.17), (0.19, 0.46, -0.09)),
    *((0.0, 1.0, -0.085), (0.0, 1.13, -0.12), (0.22, 1.07, -0.05), (0.0, 0.6, -0.18)),
    *((0.70, -0.25, 0.25), (0.36, 0.13, 0.0), (0.33, -0.13, -0.04)),
)
SKULL_CENTRE, SKULL_RADII = np.array([0.0, -0.22, 0.84]), np.array([0.86, 0.95, 1.02])
THROAT = (
    *((0.0, 1.15, 0.3), (0.0, 1.05, 0.7), (0.3, 1.08, 0.35), (0.5, 0.92, 0.5), (0.4, 0.95, 0.8)),
    *((0.64, 0.7, 0.7), (0.74, 0.45, 0.85), (0.0, 0.9, 1.3), (0.55, 0.55, 1.3)),
)


@dataclass(frozen=True)
class Knob:
    """A parameter of a head's shape: points near ``centre`` shift and stretch, both halves alike.

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
    """Everything that moves landmarks.

    pose : (3,) yaw, pitch, roll in degrees; knobs : (2, knobs) values of `KNOBS`, in standard
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


def control_points(build: Build) -> FloatArray:
    """Return the control points (n, 3), landmarks first, of a head of that ``build``."""
    points = _apply_knobs(_rest(), build.knobs)
    return _open_jaw(_open_lids(points, build.lids), build.jaw_drop)


def sample_build(rng: Generator, wide: bool = False) -> Build:
    """Draw a random build; angles have bell-shaped densities, so that most faces are near frontal.

    ``wide`` : every yaw from profile to profile is equally frequent, and pitch reaches farther
    """
    bells = 2 * rng.beta(3.0, 3.0, 3) - 1
    if wide:
        bells[0] = rng.uniform(-1.0, 1.0)
    common = rng.normal(size=len(KNOBS)).clip(-2, 2)
    return Build(
        pose=(WIDE_LIMITS if wide else POSE_LIMITS) * bells,
        knobs=common + LOPSIDED * rng.normal(size=(2, len(KNOBS))).clip(-2, 2),
        jaw_drop=float(max(0.0, rng.normal(0.0, 6.0))),
        lids=float(rng.uniform(0.9, 1.7)) if rng.random() < 0.94 else 0.15,
        scale=float(rng.uniform(0.26, 0.31)),
        centre=0.5 + rng.uniform(-0.03, 0.03, 2),
    )


@cache
def _rest() -> FloatArray:
    """The control points (n, 3) of the mean head: landmarks, flesh, throat, skull."""
    half = np.array([*FLESH, *THROAT])
    other = half[half[:, 0] > 0] * [-1, 1, 1]
    return np.concatenate([mean_face(), half, other, _skull()])


def _skull() -> FloatArray:
    """Points (n, 3) of an ellipsoid above the brows and behind the ears."""
    count = 60
    height = 1 - (2 * np.arange(count) + 1) / count
    around = np.arange(count) * np.pi * (3 - np.sqrt(5))  # golden angle: evenly spread
    flat = np.sqrt(1 - height**2)
    sphere = np.stack([flat * np.cos(around), height, flat * np.sin(around)], axis=1)
    points = SKULL_CENTRE + SKULL_RADII * sphere
    above, behind = points[:, 1] < -0.5, (points[:, 2] > 1.0) & (points[:, 1] < 0.4)
    return np.asarray(points[above | behind])


def _apply_knobs(points: FloatArray, amounts: FloatArray) -> FloatArray:
    """``points`` (n, 3) moved by ``amounts`` (2, knobs) of `KNOBS`, for left and right half."""
    side = np.sign(points[:, :1])
    fold = np.concatenate([side, np.ones((len(points), 2))], axis=1)
    centres, reaches, moves, grows = _knob_table()
    offsets = (fold * points)[:, None] - centres
    # the midline belongs to both halves
    values = (1 + side * [-1.0, 1.0]) / 2 @ amounts
    near = values * np.exp(-0.5 * (offsets**2).sum(axis=-1) / reaches**2)
    return np.asarray(points + fold * np.einsum("nk,nkc->nc", near, moves + grows * offsets))


@cache
def _knob_table() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Centres (knobs, 3), reaches (knobs,), moves and grows (knobs, 3) of `KNOBS`."""
    centres, moves, grows = (
        np.array([getattr(knob, part) for knob in KNOBS]) for part in ("centre", "move", "grow")
    )
    return centres, np.array([knob.reach for knob in KNOBS]), moves, grows


def _open_lids(points: FloatArray, opening: float) -> FloatArray:
    """``points`` (n, 3) with lids that are ``opening`` times as far from the eyes' middle lines."""
    points = points.copy()
    share = np.array([1, 2, 2, 1]) / 3  # of the way from the left corner to the right one
    for left in (36, 42):
        lids, ends = points[left + np.array([1, 2, 4, 5]), 1], points[[left, left + 3], 1]
        middle = ends[0] + share * (ends[1] - ends[0])
        points[left + np.array([1, 2, 4, 5]), 1] = middle + opening * (lids - middle)
    return points


def _open_jaw(points: FloatArray, degrees: float) -> FloatArray:
    """``points`` (n, 3) with the lower jaw turned down about its hinge."""
    turn = rotation(np.array([0.0, -degrees, 0.0]))
    turned = (points - HINGE) @ turn.T + HINGE
    return np.asarray(points + _jaw_share()[:, None] * (turned - points))


@cache
def _jaw_share() -> FloatArray:
    """Share (n,) by which each control point follows the lower jaw, 0 to 1."""
    _, y, z = _rest().T
    # from the mouth's corners downwards, and not behind the jaw's own edge
    share: FloatArray = np.clip((y - 0.66) / 0.3, 0, 1) * np.clip((0.9 - z) / 0.5, 0, 1)
    share[[55, 56, 57, 58, 59, 65, 66, 67]] = [0.8, 1, 1, 1, 0.8, 1, 1, 1]
    share[[48, 54, 60, 64]] = 0.35
    share[[49, 50, 51, 52, 53, 61, 62, 63]] = 0
    return share


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
