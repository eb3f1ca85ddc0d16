"""Picture of a shape model: the effect of each mode on the mean face."""

from __future__ import annotations

import numpy as np

from asmnet_edge.drawing import contact_sheet, draw_contours, draw_landmarks
from asmnet_edge.errors import ModelError
from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pictures import Picture
from asmnet_edge.shape import CLIP, PointDistributionModel

DEVIATIONS = (-CLIP, 0.0, CLIP)
MODE_TILE = 240  # pixels a side
MODE_MARGIN = 0.07  # of the tile, on each side
BACKGROUND, MEAN_COLOUR = (48, 48, 48), (115, 105, 105)  # BGR


def draw_modes(model: PointDistributionModel, modes: int) -> Picture:
    """Draw the first ``modes`` of ``model``, a row each: -3, 0 and +3 standard deviations.

    (H, W, 3) BGR; all at one scale, each over the mean in grey. `ModelError` without a scheme.
    """
    if model.scheme is None:
        raise ModelError("the shape model does not say how its points are joined to contours")
    shapes = _in_tiles(mode_shapes(model, modes))
    mean = Landmarks(shapes[0, DEVIATIONS.index(0)], model.scheme)
    tiles = [_tile(shape, mean) for row in shapes for shape in row]
    captions = [
        f"mode {number}, {100 * share:.1f} %: {deviation:+g} sd" if deviation else "mean"
        for number, share in enumerate(model.shares[:modes], start=1)
        for deviation in DEVIATIONS
    ]
    return contact_sheet(tiles, captions, columns=len(DEVIATIONS))


def mode_shapes(model: PointDistributionModel, modes: int) -> FloatArray:
    """Return shapes (modes, 3, n, 2): the mean moved along one mode at a time by `DEVIATIONS`."""
    each = np.diag(np.sqrt(model.eigenvalues))[:modes]
    return model.reconstruct(np.array(DEVIATIONS)[:, None] * each[:, None])


def _in_tiles(shapes: FloatArray) -> FloatArray:
    """``shapes`` (modes, 3, n, 2) in pixels of a tile, one scale and place for all."""
    low, high = shapes.min(axis=(0, 1, 2)), shapes.max(axis=(0, 1, 2))
    scale = MODE_TILE * (1 - 2 * MODE_MARGIN) / (high - low).max()
    return scale * (shapes - (low + high) / 2) + (MODE_TILE - 1) / 2


def _tile(points: FloatArray, mean: Landmarks) -> Picture:
    canvas = np.full((MODE_TILE, MODE_TILE, 3), BACKGROUND, np.uint8)
    draw_contours(canvas, mean, MEAN_COLOUR)
    draw_landmarks(canvas, Landmarks(points, mean.scheme))
    return canvas
