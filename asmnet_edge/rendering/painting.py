"""Painting of a drawn face's features on the map of its skin, around the landmarks."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.random import Generator

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.images import Picture
from asmnet_edge.rendering.skin_map import MAP_SIZE, Canvas, map_places, resized, smooth
from asmnet_edge.rendering.traits import Look

IRIS = 0.074  # radius, about 6 mm
EVERYWHERE = (slice(0, MAP_SIZE), slice(0, MAP_SIZE))
LIPS, LOWER_LIP = list(range(48, 60)), [48, *range(59, 53, -1), *range(64, 68), 60]
GAP = list(range(60, 68))
EYES = [list(eye) for eye in IBUG68.eyes]
BROWS = [list(IBUG68.groups[f"{side}_brow"]) for side in ("left", "right")]
SIDES = ((31, 48, -1.0), (35, 54, 1.0))  # wing of the nose, corner of the mouth, outwards
HAIR_EDGE = 12.0  # share of skin covered, per unit of depth inside the hair
EAR = np.array([1.5, 0.02])  # place of the right ear
EAR_RADII = np.array([0.13, 0.27])


def paint(places: FloatArray, hair: FloatArray, look: Look, rng: Generator) -> Picture:
    """Paint the map (MAP_SIZE, MAP_SIZE, 3) BGR of a face with landmarks at ``places`` (68, 2).

    hair : `hair_depth` of the look
    """
    grain = rng.standard_normal((MAP_SIZE, MAP_SIZE), np.float32)
    canvas = Canvas(_complexion(look, grain, rng), np.clip(0.85 + 0.2 * grain, 0, 1))
    _cheeks(canvas, places, look)
    _shadows(canvas, places, look)
    _folds(canvas, places, look)
    if look.beard:
        _beard(canvas, places, look)
    _mouth(canvas, places, look)
    _nostrils(canvas, places, look)
    for eye, brow in zip(EYES, BROWS, strict=True):
        _eye(canvas, places[eye], look)
        _brow(canvas, places[brow], look)
    canvas.blend(EVERYWHERE, hair, _strands(look, rng), HAIR_EDGE)
    return canvas.pixels


def hair_depth(look: Look) -> FloatArray:
    """Depth (MAP_SIZE, MAP_SIZE) of each pixel of the map inside the hair; below 0 is bare skin."""
    u, v = np.moveaxis(map_places(MAP_SIZE), -1, 0)
    if look.hair_volume == 0:
        return np.full_like(u, -1)
    top = 0.98 + 0.1 * look.hairline + 0.12 * look.parting * u
    slope = 1.5 if look.long_hair else 0.5
    # an oval around the face is free of it, and so is what lies below the nape's line
    outside = np.hypot(u / 1.02, np.minimum(v - 0.1, 0) / top) - 1
    above = (0.15 if look.long_hair else -0.05) + slope * np.maximum(np.abs(u) - 0.95, 0) - v
    bare_ears = np.inf if look.long_hair else ear_offset() - 1
    return np.asarray(np.minimum(np.minimum(outside, above), bare_ears))


@cache
def ear_offset() -> FloatArray:
    """Distance (MAP_SIZE, MAP_SIZE) of the map's pixels from the nearer ear, 1 at its edge."""
    u, v = np.moveaxis(map_places(MAP_SIZE), -1, 0)
    steps = (np.stack([np.abs(u), v], axis=-1) - EAR) / EAR_RADII
    return np.asarray(np.linalg.norm(steps, axis=-1), np.float32)


def _complexion(look: Look, grain: FloatArray, rng: Generator) -> FloatArray:
    """Bare, slightly uneven skin (MAP_SIZE, MAP_SIZE, 3); the ears are darker inside."""
    blotches = resized(rng.standard_normal((40, 40)), MAP_SIZE)
    concha = 1 - 0.35 * np.exp(-((1.6 * ear_offset()) ** 2))
    factors = (1 + 0.015 * blotches + 0.02 * grain) * concha
    return np.asarray(factors[..., None] * look.skin.astype(np.float32))


def _cheeks(canvas: Canvas, p: FloatArray, look: Look) -> None:
    red = look.skin * [0.72, 0.74, 1.0]
    for (wing, corner, _), ear in zip(SIDES, (2, 14), strict=True):
        cheek = p[[wing, corner, ear, ear]].mean(axis=0)
        canvas.glow(cheek, (0.2, 0.16), red, 0.5 * look.blush)


def _shadows(canvas: Canvas, p: FloatArray, look: Look) -> None:
    """Where light hardly reaches: eye sockets, below the nose, below the lips."""
    dark = look.skin * [0.55, 0.6, 0.68]
    for eye, inner in zip(EYES, (39, 42), strict=True):
        centre = p[eye].mean(axis=0)
        canvas.glow(centre - [0, 0.07], (0.19, 0.08), dark, 0.45)
        canvas.glow(p[inner] - [0, 0.03], (0.07, 0.1), dark, 0.4)
        canvas.glow(centre - [0, -0.1], (0.16, 0.05), dark, 0.15 + 0.25 * look.folds)
    canvas.glow(p[33] + [0, 0.035], (0.14, 0.045), dark, 0.55)
    canvas.glow(p[57] + [0, 0.06], (0.14, 0.05), dark, 0.45)


def _folds(canvas: Canvas, p: FloatArray, look: Look) -> None:
    """The crease around each wing of the nose, and the fold from there past the mouth."""
    dark = look.skin * [0.5, 0.55, 0.64]
    for wing, corner, out in SIDES:
        side = np.array([0.07 * out, 0.0])
        middle = (p[wing] + p[corner]) / 2
        fold = np.stack([p[wing] + 0.4 * side - [0, 0.04], middle + side, p[corner] + side])
        canvas.soft_line(smooth(fold), 0.022, dark, 0.1 + 0.5 * look.folds)
        crease = np.stack([p[wing] + [0.01 * out, -0.1], p[wing] + [0.03 * out, -0.04], p[wing]])
        canvas.soft_line(smooth(crease), 0.018, dark, 0.55)


def _beard(canvas: Canvas, p: FloatArray, look: Look) -> None:
    """Hair on the jaw, the cheeks' lower half and the upper lip."""
    right = [p[15] * [0.92, 1], (p[35] + p[54]) / 2 + [0.16, 0], p[35] + [0.02, 0.05]]
    left = [p[31] + [-0.02, 0.05], (p[31] + p[48]) / 2 - [0.16, 0], p[1] * [0.92, 1]]
    canvas.rough_fill(np.stack([*p[1:16] * 1.05, *right, *left]), 0.05, look.hair, look.beard)


def _mouth(canvas: Canvas, p: FloatArray, look: Look) -> None:
    """Two lips, the upper one darker; between them the dark, or teeth."""
    outline = smooth(p[LIPS], closed=True)
    canvas.soft_line(outline, 0.015, look.lips * 0.9, 0.4)
    canvas.fill(outline, look.lips * [0.82, 0.82, 0.86])
    canvas.fill(p[LOWER_LIP], look.lips)
    canvas.glow(p[[57, 66]].mean(axis=0), (0.08, 0.025), np.full(3, 235.0), 0.1)
    with canvas.within(smooth(p[GAP], closed=True), 0.1):
        canvas.fill(smooth(p[GAP], closed=True), np.array([24, 20, 52]))
        _teeth(canvas, p)
    canvas.line(smooth(p[60:65]), 0.012, look.lips * 0.4)


def _teeth(canvas: Canvas, p: FloatArray) -> None:
    """The upper row, seen when the lips are well apart."""
    height = p[66, 1] - p[62, 1]
    if height > 0.03:
        edge = p[[61, 62, 63]] * [1.6, 1] + [0, min(0.55 * height, 0.07)]
        canvas.fill(np.concatenate([p[60:65], edge[::-1]]), np.array([196, 214, 222]))


def _nostrils(canvas: Canvas, p: FloatArray, look: Look) -> None:
    dark = look.skin * [0.25, 0.25, 0.35]
    for outer, inner in ((31, 32), (35, 34)):
        canvas.glow(0.3 * p[outer] + 0.7 * p[inner] - [0, 0.008], (0.036, 0.02), dark, 1.1)
    canvas.soft_line(smooth(p[31:36]), 0.014, dark, 0.45)


def _eye(canvas: Canvas, lids: FloatArray, look: Look) -> None:
    """The eyeball between the ``lids`` (6, 2), their rims, and the crease above."""
    rim = smooth(lids, closed=True)
    with canvas.within(rim, 0.15):
        _eyeball(canvas, rim, lids.mean(axis=0) + IRIS * look.gaze * [1, 0.25], look)
    canvas.line(smooth(lids[[3, 4, 5, 0]]), 0.010, look.skin * [0.5, 0.5, 0.6])
    canvas.line(smooth(lids[:4]), 0.022, look.hair * 0.25 + 8)
    canvas.soft_line(smooth(lids[:4] - [0, 0.055]), 0.012, look.skin * 0.45, 0.6)


def _eyeball(canvas: Canvas, rim: FloatArray, centre: FloatArray, look: Look) -> None:
    canvas.fill(rim, np.array([206, 212, 220]))
    for radius, colour in ((1.0, look.iris * 0.5), (0.84, look.iris), (0.42, np.full(3, 14.0))):
        canvas.disc(centre, IRIS * radius, colour)
    canvas.disc(centre + IRIS * np.array([-0.3, -0.3]), 0.22 * IRIS, np.full(3, 250.0))
    canvas.soft_line(smooth(rim[: len(rim) // 2]), 0.03, np.full(3, 40.0), 0.35)


def _brow(canvas: Canvas, line: FloatArray, look: Look) -> None:
    """A brow along ``line`` (5, 2), thickest towards the nose."""
    middle = smooth(line)
    outwards = np.linspace(0, 1, len(middle))
    if abs(line[0, 0]) > abs(line[-1, 0]):
        outwards = outwards[::-1]
    half = look.brow_width * np.sin(np.pi * (0.3 + 0.6 * outwards))[:, None] * [0.0, 1.0]
    outline = np.concatenate([middle - 0.7 * half, (middle + 1.3 * half)[::-1]])
    canvas.rough_fill(outline, 0.013, look.hair * 0.7, look.brows)


def _strands(look: Look, rng: Generator) -> FloatArray:
    """Hair (MAP_SIZE, MAP_SIZE, 3) whose strands run from front to back."""
    noise = rng.standard_normal((MAP_SIZE // 16, MAP_SIZE // 2), np.float32)
    strands = resized(noise, MAP_SIZE, cv2.INTER_CUBIC)
    return look.hair.astype(np.float32) * (1 + 0.15 * strands[..., None])
