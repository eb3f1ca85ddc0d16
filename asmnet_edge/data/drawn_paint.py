"""The skin of a drawn face as a flat map: colours by direction, painted around the landmarks.

The map is Lambert's azimuthal projection about the direction in which the head looks: a unit direction
d at angle a from it lies 2 sin(a / 2) from the map's centre. It keeps areas and is smooth everywhere
but straight behind.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.random import Generator

from asmnet_edge.data.drawn_traits import Look
from asmnet_edge.landmarks import FloatArray
from asmnet_edge.pictures import Picture

EXTENT = 1.9  # the map shows -EXTENT to EXTENT both ways
MAP_SIZE = 384  # its pixels
SUBPIXEL = 4  # OpenCV draws at coordinates with that many fractional bits
IRIS = 0.072  # radius on the map
SAMPLES = 6  # per segment of a smoothed contour

UPPER_LIP = (*range(48, 55), *range(64, 59, -1))
LOWER_LIP = (48, *range(59, 53, -1), *range(64, 68), 60)
GAP = tuple(range(60, 68))
EYES = (tuple(range(36, 42)), tuple(range(42, 48)))
BROWS = (tuple(range(17, 22)), tuple(range(22, 27)))


def to_map(directions: FloatArray) -> FloatArray:
    """Places (..., 2) on the map of unit ``directions`` (..., 3)."""
    ahead = np.maximum(1 - directions[..., 2:], 1e-6)
    return directions[..., :2] * np.sqrt(2 / ahead)


def from_map(places: FloatArray) -> FloatArray:
    """Unit directions (..., 3) at ``places`` (..., 2) of the map; beyond its rim, straight behind."""
    square = np.minimum((places**2).sum(axis=-1, keepdims=True), 4)
    return np.concatenate([places * np.sqrt(1 - square / 4), square / 2 - 1], axis=-1)


@cache
def map_places(size: int) -> FloatArray:
    """Places (size, size, 2) float32 of the pixel centres of a map with that many pixels."""
    line = ((np.arange(size) + 0.5) / size * 2 - 1) * EXTENT
    return np.stack(np.meshgrid(line, line), axis=-1).astype(np.float32)


def map_pixels(places: FloatArray, size: int) -> FloatArray:
    """Pixel coordinates (..., 2) of ``places`` (..., 2) on a map of that size."""
    return (places / EXTENT + 1) * (size / 2) - 0.5


def paint(places: FloatArray, look: Look, rng: Generator) -> Picture:
    """The map (MAP_SIZE, MAP_SIZE, 3) uint8 BGR of a face with landmarks at ``places`` (68, 2)."""
    skin = _Skin(places, look, rng)
    skin.complexion()
    skin.shadows()
    skin.beard()
    skin.lips()
    for eye in EYES:
        skin.eye(places[list(eye)])
    for brow in BROWS:
        skin.brow(places[list(brow)])
    skin.nostrils()
    skin.hair()
    return skin.map


def hair_cover(look: Look) -> FloatArray:
    """How much hair covers each pixel of the map (MAP_SIZE, MAP_SIZE) float32, 0 to 1."""
    if look.hair_volume == 0:
        return np.zeros((MAP_SIZE, MAP_SIZE), np.float32)
    u, v = np.moveaxis(map_places(MAP_SIZE), -1, 0)
    brow_to_crown = -0.78 + 0.1 * look.hairline
    # a superellipse around the face is free; below the ears all is
    outside = np.sqrt((u / 0.98) ** 2 + (np.minimum(v - 0.1, 0) / (brow_to_crown - 0.1)) ** 2) - 1
    nape = (0.25 + 0.35 * np.maximum(np.abs(u) - 1.0, 0) - v) * 3
    return np.clip(10 * np.minimum(outside, nape) + 0.5, 0, 1)


def smooth(points: FloatArray, closed: bool = False) -> FloatArray:
    """Catmull-Rom curve (m, 2) through ``points`` (n, 2), which it passes exactly."""
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.concatenate([ends[0], points, ends[1]])
    t = np.linspace(0, 1, SAMPLES, endpoint=False)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    line = curve.swapaxes(0, 1).reshape(-1, 2)
    return line if closed else np.concatenate([line, points[-1:]])


def fixed_point(points: FloatArray) -> FloatArray:
    """Pixel coordinates ``points`` (n, 2) as OpenCV wants them with shift=SUBPIXEL."""
    return np.round(points * (1 << SUBPIXEL)).astype(np.int32)


class _Skin:
    """The map while it is painted: one method per feature, in painter's order."""

    def __init__(self, places: FloatArray, look: Look, rng: Generator) -> None:
        self.places, self.look, self.rng = places, look, rng
        self.map: Picture = np.empty((MAP_SIZE, MAP_SIZE, 3), np.uint8)
        self.map[:] = look.skin.clip(0, 255)

    def complexion(self) -> None:
        """Uneven skin, warm cheeks."""
        blotches = cv2.resize(self.rng.normal(0, 1, (48, 48, 1)), (MAP_SIZE, MAP_SIZE))
        grain = self.rng.normal(0, 1, (MAP_SIZE, MAP_SIZE)).astype(np.float32)
        factor = 1 + 0.015 * blotches + 0.02 * grain
        self.map[:] = np.clip(self.map * factor[..., None], 0, 255)
        for corner, ear in ((48, 2), (54, 14)):
            cheek = self.places[[corner, ear, ear, 31 if corner == 48 else 35]].mean(axis=0)
            red = self.look.skin * [0.72, 0.74, 1.0]
            self._glow(cheek, (0.2, 0.16), red, 0.5 * self.look.blush)

    def shadows(self) -> None:
        """What light does not reach: eye sockets, beside and below the nose, folds, below the lip."""
        dark, p = self.look.skin * [0.55, 0.6, 0.68], self.places
        for eye, inner in ((EYES[0], 39), (EYES[1], 42)):
            centre = p[list(eye)].mean(axis=0)
            self._glow(centre - [0, 0.07], (0.2, 0.09), dark, 0.45)
            self._glow(p[inner] - [0, 0.03], (0.08, 0.1), dark, 0.4)
            self._glow(centre + [0, 0.1], (0.17, 0.05), dark, 0.15 + 0.2 * self.look.folds)
        self._glow(p[33] + [0, 0.035], (0.15, 0.05), dark, 0.55)
        self._glow(p[57] + [0, 0.06], (0.15, 0.05), dark, 0.45)
        for wing, corner in ((31, 48), (35, 54)):
            out = np.sign(p[corner, 0]) * np.array([0.07, 0])
            fold = smooth(np.stack([p[wing] + 0.4 * out - [0, 0.04], (p[wing] + p[corner]) / 2 + out,
                                    p[corner] + 0.9 * out]))
            self._soft_line(fold, 0.02, dark, 0.15 + 0.5 * self.look.folds)
            self._soft_line(p[[wing, wing]] + [[0.2 * out[0], -0.06], [0, 0.0]], 0.02, dark, 0.5)

    def beard(self) -> None:
        """Hair on the jaw and the upper lip."""
        if self.look.beard == 0:
            return
        p = self.places
        high = np.stack([p[15] * [0.92, 1], (p[35] + p[54]) / 2 + [0.16, 0], p[35] + [0.02, 0.05],
                         p[31] + [-0.02, 0.05], (p[31] + p[48]) / 2 - [0.16, 0], p[1] * [0.92, 1]])
        mask = self._mask(np.concatenate([p[1:16] * 1.05, high]), 0.05)
        rough = self.rng.uniform(0.6, 1, mask.shape).astype(np.float32)
        self._blend(mask * rough, self.look.hair, self.look.beard)

    def lips(self) -> None:
        """Two lips, and between them the dark, or teeth."""
        p, colour = self.places, self.look.lips
        self._soft_line(smooth(p[[*range(48, 60)]], closed=True), 0.012, colour, 0.5)
        self._fill(smooth(p[[*range(48, 60)]], closed=True), colour * [0.82, 0.82, 0.86])
        self._fill(p[[*LOWER_LIP]], colour)
        self._glow(p[[57, 66]].mean(axis=0), (0.09, 0.025), np.full(3, 235.0), 0.25)
        self._fill(smooth(p[[*GAP]], closed=True), np.array([24, 20, 52]))
        height = p[66, 1] - p[62, 1]
        if height > 0.03:
            upper = p[[60, 61, 62, 63, 64]]
            teeth = np.concatenate([upper[1:4], (upper[1:4] + [0, min(0.6 * height, 0.07)])[::-1]])
            self._fill(teeth, np.array([196, 214, 222]))
        self._line(p[60:65], 0.012, colour * 0.35)

    def eye(self, lids: FloatArray) -> None:
        """White, iris, pupil and glint within the ``lids`` (6, 2); then their rims and the crease."""
        rim, skin = smooth(lids, closed=True), self.look.skin
        ball = self.map.copy()
        centre = lids[[1, 2, 4, 5]].mean(axis=0) + IRIS * self.look.gaze * [1, 0.25]
        self._fill(rim, np.array([214, 218, 224]))
        white = self.map.copy()
        for radius, colour in ((1.0, self.look.iris * 0.6), (0.82, self.look.iris), (0.42, [16] * 3)):
            self._disc(centre, IRIS * radius, np.asarray(colour))
        self._disc(centre + IRIS * np.array([-0.35, -0.35]), IRIS * 0.22, np.full(3, 250.0))
        inside = self._mask(rim, 0)[..., None]
        self.map = np.where(inside > 0.5, self.map, np.where(inside > 0, white, ball))
        self._line(smooth(lids[[3, 4, 5, 0]]), 0.010, skin * [0.5, 0.5, 0.6])
        self._line(smooth(lids[:4]), 0.024, self.look.hair * 0.3 + 8)
        crease = smooth(lids[:4] - [0, 0.05])
        self._soft_line(crease, 0.012, skin * 0.45, 0.6)

    def brow(self, line: FloatArray) -> None:
        """A brow along ``line`` (5, 2), thickest where it is nearest the nose."""
        middle = smooth(line)
        along = np.linspace(0, 1, len(middle)) if line[0, 0] > 0 else np.linspace(1, 0, len(middle))
        half = 0.018 + 0.03 * np.sin(np.pi * (0.2 + 0.6 * (1 - along)))
        down = np.array([0.0, 1.0]) * half[:, None]
        mask = self._mask(np.concatenate([middle - 0.6 * down, (middle + 1.2 * down)[::-1]]), 0.012)
        rough = self.rng.uniform(0.65, 1, mask.shape).astype(np.float32)
        self._blend(mask * rough, self.look.hair * 0.7, self.look.brows)

    def nostrils(self) -> None:
        """Two dark holes above the points of the nose's base, and the wings' lower edge."""
        p, dark = self.places, self.look.skin * [0.25, 0.25, 0.35]
        for outer, inner in ((31, 32), (35, 34)):
            self._glow(0.3 * p[outer] + 0.7 * p[inner] - [0, 0.008], (0.038, 0.02), dark, 1.2)
        self._soft_line(smooth(p[31:36]), 0.014, dark, 0.5)

    def hair(self) -> None:
        """Strands, stretched from the front to the back."""
        cover = hair_cover(self.look)
        strands = self.rng.normal(0, 1, (MAP_SIZE // 16, MAP_SIZE // 2)).astype(np.float32)
        strands = cv2.resize(strands, (MAP_SIZE, MAP_SIZE), interpolation=cv2.INTER_CUBIC)
        colour = self.look.hair * (1 + 0.16 * strands[..., None])
        self._blend(cover, colour, 1.0)

    def _pixels(self, places: FloatArray) -> FloatArray:
        return fixed_point(map_pixels(places, MAP_SIZE))

    def _fill(self, outline: FloatArray, colour: FloatArray) -> None:
        cv2.fillPoly(self.map, [self._pixels(outline)], colour.tolist(), cv2.LINE_AA, SUBPIXEL)

    def _disc(self, centre: FloatArray, radius: float, colour: FloatArray) -> None:
        x, y = self._pixels(centre).tolist()
        length = round(radius / EXTENT * MAP_SIZE / 2 * (1 << SUBPIXEL))
        cv2.circle(self.map, (x, y), length, colour.tolist(), -1, cv2.LINE_AA, SUBPIXEL)

    def _line(self, line: FloatArray, width: float, colour: FloatArray) -> None:
        pixels = max(1, round(width / EXTENT * MAP_SIZE / 2))
        cv2.polylines(
            self.map, [self._pixels(line)], False, colour.tolist(), pixels, cv2.LINE_AA, SUBPIXEL
        )

    def _mask(self, outline: FloatArray, blur: float) -> FloatArray:
        """Cover (MAP_SIZE, MAP_SIZE) float32 by the polygon, its edge blurred by that sigma."""
        mask = np.zeros((MAP_SIZE, MAP_SIZE), np.uint8)
        cv2.fillPoly(mask, [self._pixels(outline)], 255, cv2.LINE_AA, SUBPIXEL)
        sigma = blur / EXTENT * MAP_SIZE / 2
        return (cv2.GaussianBlur(mask, (0, 0), sigma) if sigma else mask) / np.float32(255)

    def _soft_line(
        self, line: FloatArray, width: float, colour: FloatArray, strength: float
    ) -> None:
        mask = np.zeros((MAP_SIZE, MAP_SIZE), np.uint8)
        pixels = max(1, round(width / EXTENT * MAP_SIZE / 2))
        cv2.polylines(mask, [self._pixels(line)], False, 255, pixels, cv2.LINE_AA, SUBPIXEL)
        self._blend(cv2.GaussianBlur(mask, (0, 0), 1.2) / np.float32(255), colour, strength)

    def _glow(
        self, centre: FloatArray, spread: tuple[float, float], colour: FloatArray, strength: float
    ) -> None:
        """A soft spot with sigmas ``spread``, of which at most ``strength`` covers the skin."""
        offset = (map_places(MAP_SIZE) - centre) / np.array(spread)
        self._blend(np.exp(-0.5 * (offset**2).sum(axis=-1)), colour, strength)

    def _blend(self, mask: FloatArray, colour: FloatArray, strength: float) -> None:
        share = np.clip(mask * strength, 0, 1)[..., None]
        self.map[:] = np.clip(self.map + share * (colour - self.map), 0, 255)
