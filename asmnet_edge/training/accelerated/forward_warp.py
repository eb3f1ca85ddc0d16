"""Forward warp of pictures by a displaced grid, with hidden surfaces removed.

A coarse grid over the picture holds for each node its new place and depth. It is sampled densely;
in each pixel of the new picture the nearest sample wins, which gives the place in the old picture
that the pixel shows. Gaps take the displacement around them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

DENSITY = 3  # samples for each pixel, along a side
DEPTH_BITS = 20
FARTHEST = 8.0  # depths are resolved from -FARTHEST to FARTHEST
JUMP = 3.0  # pixels between the sources of neighbours that show an edge, or need smoothing
BEHIND = 0.2  # how much deeper a pixel must be than its neighbours to count as a gap in them
FLIPPED = 0.02  # the sheet shows its back, or its edge, where its area shrinks to less than that


def warp(pictures: Tensor, places: Tensor, depth: Tensor) -> Tensor:
    """Return the warped ``pictures`` (B, C, S, S) float.

    places : (B, n, n, 2) pixels to which the nodes of an even grid go that spans the picture from
    the first pixel's centre to the last one's; depth : (B, n, n), away from the camera
    """
    source = source_places(places, depth, pictures.shape[-1])
    grid = source * (2 / (pictures.shape[-1] - 1)) - 1
    warped = functional.grid_sample(
        pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=True
    )
    return _soften(warped, source)


def _soften(pictures: Tensor, source: Tensor) -> Tensor:
    """``pictures`` with means of 3 x 3 pixels where neighbours come from places far apart."""
    framed = functional.pad(source.movedim(-1, 1), (1, 1, 1, 1), mode="replicate")
    across = (framed[..., 1:-1, 2:] - framed[..., 1:-1, :-2]).abs().amax(dim=1, keepdim=True)
    down = (framed[..., 2:, 1:-1] - framed[..., :-2, 1:-1]).abs().amax(dim=1, keepdim=True)
    mean = functional.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)
    return torch.where(torch.maximum(across, down) > 2 * JUMP, mean, pictures)


def source_places(places: Tensor, depth: Tensor, size: int) -> Tensor:
    """Return the place (B, size, size, 2) in the old picture of each pixel of the new one."""
    fine = DENSITY * (size - 1) + 1
    facing = _area(places, (size - 1) / (places.shape[1] - 1))
    sheet = torch.cat([places.movedim(-1, 1), depth[:, None], facing[:, None]], dim=1)
    sheet = functional.interpolate(sheet, (fine, fine), mode="bilinear", align_corners=True)
    winner = _nearest(sheet, size)
    level = _take(sheet[:, 2:3], winner.clamp(min=0))[:, 0]
    known = (winner >= 0) & ~_shines_through(torch.where(winner < 0, FARTHEST, level))
    shift = _shift(sheet[:, :2], winner.clamp(min=0), size)
    shift = _fill(torch.where(known[:, None], shift, 0), known[:, None].to(shift))
    return (shift + _pixels(size, shift)).movedim(1, -1)


def _nearest(sheet: Tensor, size: int) -> Tensor:
    """Number (B, size, size) of the sample that each pixel shows, or -1."""
    x, y = sheet[:, 0].round(), sheet[:, 1].round()
    inside = (x >= 0) & (x < size) & (y >= 0) & (y < size) & (sheet[:, 3] > FLIPPED)
    pixel = torch.where(inside, y * size + x, size * size).flatten(1).long()
    level = ((sheet[:, 2].clamp(-FARTHEST, FARTHEST) / FARTHEST + 1) * 2 ** (DEPTH_BITS - 1)).long()
    number = torch.arange(level[0].numel(), device=level.device)
    key = (level.flatten(1) << 32) | number
    none = torch.iinfo(torch.int64).max
    best = key.new_full((len(key), size * size + 1), none)
    best = best.scatter_reduce_(1, pixel, key, "amin")[:, :-1]
    return torch.where(best == none, -1, best & 0xFFFFFFFF).reshape(-1, size, size)


def _shines_through(depth: Tensor) -> Tensor:
    """Whether each pixel of ``depth`` (B, n, n) is far behind neighbours on opposite sides.

    There the nearer surface is stretched beyond its samples' density.
    """
    size, through = depth.shape[-1], torch.zeros_like(depth, dtype=torch.bool)
    framed = functional.pad(depth[:, None], (1, 1, 1, 1), value=FARTHEST)[:, 0]
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        ends = [
            framed[:, 1 + s * down : 1 + s * down + size, 1 + s * across : 1 + s * across + size]
            for s in (1, -1)
        ]
        through |= depth > torch.maximum(*ends) + BEHIND
    return through


def _shift(sheet: Tensor, winner: Tensor, size: int) -> Tensor:
    """From each pixel to its place in the old picture (B, 2, size, size), in pixels.

    The winning sample lies somewhere in the pixel; one Newton step goes to the pixel's centre.
    """
    fine = sheet.shape[-1]
    row = (winner // fine).clamp(max=fine - 2)
    column = (winner % fine).clamp(max=fine - 2)
    here, right, below = (
        _take(sheet, (row + down) * fine + column + across)
        for down, across in ((0, 0), (0, 1), (1, 0))
    )
    gap = _pixels(size, sheet) - here
    along, down = right - here, below - here
    area = along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0]
    area = area.clamp(min=FLIPPED / DENSITY**2)
    step = torch.stack(
        [
            (gap[:, 0] * down[:, 1] - gap[:, 1] * down[:, 0]) / area,
            (along[:, 0] * gap[:, 1] - along[:, 1] * gap[:, 0]) / area,
        ],
        dim=1,
    ).clamp(-2 * DENSITY, 2 * DENSITY)
    start = torch.stack([column, row], dim=1).to(step)
    return (start + step) / DENSITY - _pixels(size, sheet)


def _take(sheet: Tensor, number: Tensor) -> Tensor:
    """Samples (B, k, size, size) of ``sheet`` (B, k, n, n) by ``number`` (B, size, size)."""
    index = number.flatten(1)[:, None].expand(-1, sheet.shape[1], -1)
    return sheet.flatten(2).gather(2, index).reshape(len(sheet), -1, *number.shape[1:])


def _pixels(size: int, like: Tensor) -> Tensor:
    """x, y (2, size, size) of every pixel."""
    steps = torch.arange(size, device=like.device, dtype=like.dtype)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack([x, y])


def _area(places: Tensor, spacing: float) -> Tensor:
    """How much larger the sheet is around each node (B, n, n) than it was; negative: its back."""
    down, along = torch.gradient(places, spacing=spacing, dim=(1, 2))
    return along[..., 0] * down[..., 1] - along[..., 1] * down[..., 0]


def _fill(values: Tensor, known: Tensor) -> Tensor:
    """``values`` (B, k, n, n), where not ``known`` (B, 1, n, n; 0 or 1) averages of known ones.

    Pull and push: the nearest coarser level that knows anything decides.
    """
    if values.shape[-1] == 1:
        return values
    weight = functional.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    coarse = functional.avg_pool2d(values * known, 2, ceil_mode=True, count_include_pad=False)
    coarse = _fill(coarse / weight.clamp(min=1e-6), (weight > 0).to(known))
    smooth = functional.interpolate(coarse, values.shape[-2:], mode="bilinear", align_corners=False)
    return torch.where(known > 0, values, smooth)
