"""The flat map on which a drawn head's skin is painted, and the brushes to paint it.

It is Lambert's azimuthal projection about the direction in which the head looks: a unit direction
at angle a from it lies 2 sin(a / 2) from the map's centre. That keeps areas and is smooth
everywhere but straight behind. A "place" is a point of the map, in units that no pixels enter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.io.images import Picture

EXTENT = 1.9  # the map shows places from -EXTENT to EXTENT both ways
MAP_SIZE = 288  # pixels of a canvas
UNIT = MAP_SIZE / (2 * EXTENT)  # pixels per unit of length
SUBPIXEL = 4  # OpenCV draws at coordinates with that many fractional bits
GLOW_REACH = 2.6  # sigmas after which a glow has faded
SAMPLES = 6  # per segment of a smoothed contour

Window = tuple[slice, slice]


def to_map(directions: FloatArray) -> FloatArray:
    """Places (..., 2) of unit ``directions`` (..., 3)."""
    # (1 - dz) / 2 = cos^2(a / 2) where dz = -cos(a)
    return directions[..., :2] * np.sqrt(2 / np.maximum(1 - directions[..., 2:], 1e-6))


def from_map(places: FloatArray) -> FloatArray:
    """Unit directions (..., 3) at ``places`` (..., 2); beyond the map's rim, straight behind."""
    square = np.minimum((places**2).sum(axis=-1, keepdims=True), 4)
    return np.concatenate([places * np.sqrt(1 - square / 4), square / 2 - 1], axis=-1)


@cache
def map_places(size: int) -> FloatArray:
    """Places (size, size, 2) float32 of the pixel centres of a map with that many pixels a side."""
    line = ((np.arange(size) + 0.5) / size * 2 - 1) * EXTENT
    places = np.stack(np.meshgrid(line, line), axis=-1).astype(np.float32)
    places.setflags(write=False)
    return places


def read_map(values: NDArray[Any], places: FloatArray) -> NDArray[Any]:
    """``values`` (n, n) or (n, n, channels) of a map at ``places`` (h, w, 2), interpolated."""
    at = places.astype(np.float32, copy=False)  # all that remap takes
    x, y = np.moveaxis((at + EXTENT) * (len(values) / (2 * EXTENT)) - 0.5, -1, 0)
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def resized(values: FloatArray, size: int, how: int = cv2.INTER_LINEAR) -> FloatArray:
    """``values`` (n, n) or (n, n, channels) as (size, size[, channels]) float32."""
    small = values.astype(np.float32)
    return cv2.resize(small, (size, size), interpolation=how)  # type: ignore[return-value]


def blurred(values: FloatArray, sigma: float) -> FloatArray:
    """``values`` (h, w) float32 after a Gaussian blur; sigma in pixels."""
    return cv2.GaussianBlur(values, (0, 0), sigma)  # type: ignore[return-value]


def smooth(points: FloatArray, closed: bool = False) -> FloatArray:
    """Catmull-Rom curve (m, 2) through ``points`` (n, 2), each of which it passes exactly."""
    before, after = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.concatenate([before, points, after])
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    t = np.linspace(0, 1, SAMPLES, endpoint=False)[:, None, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    line = curve.swapaxes(0, 1).reshape(-1, 2)
    return line if closed else np.concatenate([line, points[-1:]])


def fixed_point(points: FloatArray) -> NDArray[np.int32]:
    """Pixel coordinates ``points`` (n, 2) as OpenCV takes them with shift=SUBPIXEL."""
    return np.round(np.asarray(points) * (1 << SUBPIXEL)).astype(np.int32)


class Canvas:
    """A map that is painted on; all outlines (n, 2), centres (2,) and lengths are places.

    pixels : (MAP_SIZE, MAP_SIZE, 3) uint8 BGR; grain : (MAP_SIZE, MAP_SIZE) float32 about 1, what
    rough strokes leave
    """

    def __init__(self, ground: FloatArray, grain: FloatArray) -> None:
        self.pixels: Picture = np.empty((MAP_SIZE, MAP_SIZE, 3), np.uint8)
        self.pixels[:] = np.clip(ground, 0, 255)
        self.grain = grain

    def fill(self, outline: FloatArray, colour: FloatArray) -> None:
        """A polygon with a sharp edge."""
        shape = [fixed_point(_to_pixels(outline))]
        cv2.fillPoly(self.pixels, shape, colour.tolist(), cv2.LINE_AA, SUBPIXEL)

    def disc(self, centre: FloatArray, radius: float, colour: FloatArray) -> None:
        """A filled circle."""
        x, y = fixed_point(_to_pixels(centre)).tolist()
        length = round(radius * UNIT * (1 << SUBPIXEL))
        cv2.circle(self.pixels, (x, y), length, colour.tolist(), -1, cv2.LINE_AA, SUBPIXEL)

    def line(self, line: FloatArray, width: float, colour: FloatArray) -> None:
        """A line with a sharp edge."""
        shape, thick = [fixed_point(_to_pixels(line))], max(1, round(width * UNIT))
        cv2.polylines(self.pixels, shape, False, colour.tolist(), thick, cv2.LINE_AA, SUBPIXEL)

    def soft_line(
        self, line: FloatArray, width: float, colour: FloatArray, strength: float
    ) -> None:
        """A blurred line that covers at most ``strength`` of what is below."""
        window = _window(line, 4 * width)
        mask, shape = _sheet(window), [fixed_point(_to_pixels(line) - _corner(window))]
        thick = max(1, round(width * UNIT))
        cv2.polylines(mask, shape, False, 1.0, thick, cv2.LINE_AA, SUBPIXEL)
        self.blend(window, blurred(mask, 0.6 * width * UNIT), colour, strength)

    def rough_fill(
        self, outline: FloatArray, blur: float, colour: FloatArray, strength: float
    ) -> None:
        """A grainy polygon whose edge is blurred by sigma ``blur``."""
        window = _window(outline, 3 * blur)
        mask = blurred(_cover(outline, window), blur * UNIT)
        self.blend(window, mask * self.grain[window], colour, strength)

    def glow(
        self,
        centre: FloatArray,
        spread: tuple[float, float],
        colour: FloatArray,
        strength: float,
    ) -> None:
        """A soft spot with sigmas ``spread`` that covers at most ``strength`` of what is below."""
        window = _window(centre[None], GLOW_REACH * np.array(spread))
        steps = (map_places(MAP_SIZE)[window] - centre) / np.array(spread)
        glow = np.exp(-0.5 * (steps**2).sum(axis=-1))
        # 0 where the window ends, so that it leaves no edge
        self.blend(window, glow - np.exp(-0.5 * GLOW_REACH**2), colour, strength)

    @contextmanager
    def within(self, outline: FloatArray, margin: float) -> Iterator[None]:
        """What is painted meanwhile, at most ``margin`` beyond ``outline``, stays inside of it."""
        window = _window(outline, margin)
        before = self.pixels[window].copy()
        yield
        painted, self.pixels[window] = self.pixels[window].copy(), before
        self.blend(window, _cover(outline, window), painted, 1.0)

    def blend(
        self, window: Window, mask: FloatArray, colour: NDArray[Any], strength: float
    ) -> None:
        """Mix ``colour`` ((3,) or (h, w, 3)) in where ``mask`` (h, w) is more than 0."""
        share = np.clip(mask * strength, 0, 1).astype(np.float32)[..., None]
        below = self.pixels[window].astype(np.float32)
        mixed = below + share * (np.asarray(colour, np.float32) - below)
        self.pixels[window] = np.clip(mixed, 0, 255)


def _to_pixels(places: FloatArray) -> FloatArray:
    return (places + EXTENT) * UNIT - 0.5


def _window(outline: FloatArray, margin: float | FloatArray) -> Window:
    """Rows and columns of a canvas around ``outline`` (n, 2) and ``margin`` beyond it."""
    low = _to_pixels(outline.min(axis=0) - margin).clip(0, MAP_SIZE - 1).astype(int)
    high = _to_pixels(outline.max(axis=0) + margin).clip(0, MAP_SIZE - 1).astype(int)
    return slice(low[1], high[1] + 1), slice(low[0], high[0] + 1)


def _corner(window: Window) -> tuple[int, int]:
    """First column and row of ``window``: where its pixel (0, 0) lies."""
    return window[1].start, window[0].start


def _sheet(window: Window) -> FloatArray:
    """An empty mask of the size of ``window``."""
    return np.zeros([side.stop - side.start for side in window], np.float32)


def _cover(outline: FloatArray, window: Window) -> FloatArray:
    """How much of each pixel of ``window`` lies inside the polygon, (h, w) float32."""
    mask = _sheet(window).astype(np.uint8)
    shape = [fixed_point(_to_pixels(outline) - _corner(window))]
    cv2.fillPoly(mask, shape, 255, cv2.LINE_AA, SUBPIXEL)
    return mask / np.float32(255)
