"""Pictures of data sets and shape models: faces with landmarks, pose histograms, shape modes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.datasets.sample import Sample
from asmnet_edge.datasets.statistics import MeasuredFaces
from asmnet_edge.errors import ModelError
from asmnet_edge.geometry.crop import CropRule, cut, transform
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.geometry.shape_model import CLIP, PointDistributionModel
from asmnet_edge.io.display import new_figure, save_figure
from asmnet_edge.io.drawing import SHEET, contact_sheet, draw_contours, draw_landmarks
from asmnet_edge.io.files import write_json
from asmnet_edge.io.images import Picture, write_image

TILE_RULE = CropRule(margin=1.5, size=192)
OUTPUTS = ("contact-sheet.png", "pose.png", "stats.json")
COLUMNS = 8
ROWS = 6  # over all subsets, but at least one each
LETTERS = 24  # that fit below a tile
BIN = 5.0  # degrees


def write_figures(folder: Path, subsets: Sequence[MeasuredFaces]) -> None:
    """Write the `OUTPUTS` of ``subsets`` into ``folder``."""
    sheet_file, pose_file, json_file = (folder / name for name in OUTPUTS)
    write_image(sheet_file, sheet(subsets))
    pose_figure(subsets, pose_file)
    write_json(json_file, [faces.as_json() for faces in subsets])


def sheet(subsets: Sequence[MeasuredFaces]) -> Picture:
    """Draw faces of each subset, evenly spread over its order, with landmarks and names below.

    (H, W, 3) BGR, `COLUMNS` tiles a row.
    """
    tiles: list[Picture] = []
    captions: list[str] = []
    each = COLUMNS * max(1, ROWS // len(subsets))
    for faces in subsets:
        shown = [faces.samples[i] for i in _spread(len(faces.samples), each)]
        empty = -len(shown) % COLUMNS if len(subsets) > 1 else 0  # each subset begins a row
        tiles += [tile(sample) for sample in shown] + [_blank()] * empty
        captions += [_short(sample.name) for sample in shown] + [""] * empty
    return contact_sheet(tiles, captions, COLUMNS)


def tile(sample: Sample) -> Picture:
    """Return a crop (192, 192, 3) BGR around the face, its landmarks drawn on it."""
    matrix = TILE_RULE.matrix(sample.landmarks.box)
    crop = cut(sample.load(), matrix, TILE_RULE.size)
    points = transform(sample.landmarks.points, matrix)
    draw_landmarks(crop, Landmarks(points, sample.landmarks.scheme))
    return crop


def _blank() -> Picture:
    return np.full((TILE_RULE.size, TILE_RULE.size, 3), SHEET, np.uint8)


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"..{name[2 - LETTERS :]}"


def _spread(count: int, chosen: int) -> list[int]:
    """Up to ``chosen`` of the indices below ``count``, evenly spread."""
    places = np.linspace(0, count - 1, min(count, chosen)).round()
    return [int(place) for place in places]


def pose_figure(subsets: Sequence[MeasuredFaces], path: Path) -> None:
    """Write histograms of yaw, pitch and roll to ``path``, a line for each subset with pose."""
    figure, axes = new_figure(1, len(AXES), inches=(10.5, 3.6))
    known = [(faces, faces.pose) for faces in subsets if faces.pose is not None]
    for column, (axis, name) in enumerate(zip(axes, AXES, strict=True)):
        for faces, pose in known:
            _histogram(axis, pose[:, column], f"{faces.title} ({len(pose):,})")
        axis.set_xlabel(f"{name}, degrees")
    axes[0].set_ylabel(f"% of faces in {BIN:.0f} degrees")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    save_figure(figure, path)


def _histogram(axis: Any, values: np.ndarray[Any, Any], label: str) -> None:
    low, high = np.floor(values.min() / BIN), np.ceil(values.max() / BIN)
    edges = BIN * np.arange(low, max(high, low + 1) + 1)
    counts, _ = np.histogram(values, edges)
    axis.stairs(100 * counts / len(values), edges, label=label, linewidth=1.5)


# Shape models: the effect of each mode on the mean face

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
