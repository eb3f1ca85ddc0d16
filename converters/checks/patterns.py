"""Test patterns of the fingerprint: drawn faces with the same pixels on every machine.

The faces consist of ellipses in integer arithmetic, so that the pixels depend on no version of
NumPy or OpenCV and on no processor. They resemble a face enough for the network to stay within its
usual range. No photograph is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNITS = 1024  # of a crop's side, in which faces are laid out
FINER = 2  # drawn at this multiple of the size, then averaged: smooth edges

Canvas = NDArray[np.int64]
Colour = tuple[int, int, int]
DARK: Colour = (42, 32, 30)
WHITE: Colour = (226, 224, 220)


@dataclass(frozen=True)
class FacePattern:
    """Parameters of one drawn face; lengths in `UNITS`.

    turn : shift of the features to the right; nod : shift of the features down
    open : half the height of the mouth; skin, ground : RGB; light : brightness of the right side
    """

    turn: int
    nod: int
    open: int
    skin: Colour
    ground: Colour
    light: int


FACES = (
    FacePattern(0, 0, 16, (205, 165, 140), (96, 110, 130), 24),
    FacePattern(-70, 18, 34, (150, 108, 84), (186, 188, 180), -60),
    FacePattern(64, -22, 12, (232, 200, 182), (44, 52, 48), 48),
    FacePattern(24, 30, 52, (98, 68, 54), (128, 120, 96), 30),
)


def patterns(size: int) -> NDArray[np.uint8]:
    """Return the patterns (4, size, size, 3) uint8 RGB, the same on every machine."""
    return np.stack([_draw(face, size) for face in FACES])


def _draw(face: FacePattern, size: int) -> NDArray[np.uint8]:
    fine = FINER * size
    middles = (2 * np.arange(fine, dtype=np.int64) + 1) * UNITS // (2 * fine)
    x, y = middles[None, :], middles[:, None]
    canvas = np.empty((fine, fine, 3), np.int64)
    canvas[:] = face.ground
    canvas += (y // 16)[..., None]
    _head(canvas, face, x, y)
    for side in (-1, 1):
        _eye(canvas, face, x, y, 512 + face.turn + side * 150)
    _nose_and_mouth(canvas, face, x, y)
    blocks = canvas.reshape(size, FINER, size, FINER, 3).sum(axis=(1, 3)) // FINER**2
    return blocks.clip(0, 255).astype(np.uint8)


def _head(canvas: Canvas, face: FacePattern, x: Canvas, y: Canvas) -> None:
    """Draw hair, then skin that darkens towards its outline and towards one side."""
    _fill(canvas, _inside(x, y, (512, 430), (410, 440)), DARK)
    radius = _radius(x, y, (512, 520), (345, 440))
    shade = face.light * (x - 512) // 512 - 60 * radius // UNITS
    skin = np.array(face.skin) + shade[..., None]
    canvas[:] = np.where((radius < UNITS)[..., None], skin, canvas)


def _eye(canvas: Canvas, face: FacePattern, x: Canvas, y: Canvas, middle: int) -> None:
    height = 400 + face.nod
    _fill(canvas, _inside(x, y, (middle, height), (68, 30)), WHITE)
    _fill(canvas, _inside(x, y, (middle + face.turn // 4, height), (28, 28)), DARK)
    _fill(canvas, _inside(x, y, (middle, height - 85), (92, 17)), DARK)


def _nose_and_mouth(canvas: Canvas, face: FacePattern, x: Canvas, y: Canvas) -> None:
    middle, low = 512 + face.turn + face.turn // 3, face.nod
    shadow = tuple(3 * c // 4 for c in face.skin)
    _fill(canvas, _inside(x, y, (middle, 585 + low), (62, 34)), shadow)
    _fill(canvas, _inside(x, y, (middle, 565 + low), (46, 34)), face.skin)
    _fill(canvas, _inside(x, y, (middle, 730 + low), (128, 26 + face.open)), (160, 72, 76))
    _fill(canvas, _inside(x, y, (middle, 730 + low), (104, face.open // 2 + 2)), DARK)


def _fill(canvas: Canvas, where: NDArray[np.bool_], colour: tuple[int, ...]) -> None:
    canvas[where] = colour


def _inside(
    x: Canvas, y: Canvas, middle: tuple[int, int], half: tuple[int, int]
) -> NDArray[np.bool_]:
    return _radius(x, y, middle, half) < UNITS


def _radius(x: Canvas, y: Canvas, middle: tuple[int, int], half: tuple[int, int]) -> Canvas:
    """Return squared distances (s, s) from ``middle`` in half axes of an ellipse, times `UNITS`."""
    across = (x - middle[0]) ** 2 * UNITS // half[0] ** 2
    return across + (y - middle[1]) ** 2 * UNITS // half[1] ** 2
