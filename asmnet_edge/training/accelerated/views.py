"""Augmentation on the device: crops of a batch of faces, with landmarks and pose that move along.

What `asmnet_edge.training.augmentation` does face by face with OpenCV, for whole batches of PyTorch
tensors. Pixel centres lie at integer coordinates, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from asmnet_edge.geometry.crop import CropRule

FILL = 128.0  # grey beyond the picture's border, as `asmnet_edge.geometry.crop.FILL`


@dataclass(frozen=True)
class ViewSettings:
    """Strength of augmentation. Spreads are standard deviations, chances are probabilities.

    rotation : degrees, of most views; tilted : chance of a view turned by 35 degrees (standard
    deviation); any_roll : chance of a view turned by any angle at all
    scale, shift : of the crop's side; loose : chance of twice that scale and shift
    """

    rotation: float = 10.0
    tilted: float = 0.15
    any_roll: float = 0.10
    scale: float = 0.07
    shift: float = 0.035
    loose: float = 0.2
    flip: float = 0.5
    light: float = 0.8
    grey: float = 0.1
    blur: float = 0.12
    noise: float = 0.12
    occlusion: float = 0.2
    low_resolution: float = 0.08
    sharp: float = 0.5


@dataclass(frozen=True)
class Placement:
    """Places of the crops of a batch in their pictures.

    matrix : (B, 2, 3) from picture pixels to crop pixels; rotation : (B,) clockwise degrees by
    which the content turns; mirrored : (B,) bool, after the rotation
    """

    matrix: Tensor
    rotation: Tensor
    mirrored: Tensor


def place(
    points: Tensor,
    size: int,
    rotation: Tensor,
    mirrored: Tensor,
    shift: Tensor,
    growth: Tensor,
    margin: float = CropRule.margin,
) -> Placement:
    """Return the crop rule's places around ``points`` (B, n, 2) *in the turned frame*, then moved.

    rotation : (B,) degrees; shift : (B, 2) of the side; growth : (B,) factor on the side
    """
    angle = torch.deg2rad(rotation)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    x = cosine[:, None] * points[..., 0] - sine[:, None] * points[..., 1]
    y = sine[:, None] * points[..., 0] + cosine[:, None] * points[..., 1]
    low = torch.stack([x.amin(1), y.amin(1)], 1)
    high = torch.stack([x.amax(1), y.amax(1)], 1)
    side = margin * (high - low).amax(1)
    centre = (low + high) / 2 + shift * side[:, None]
    zoom = size / (side * growth)
    sign = 1.0 - 2.0 * mirrored.to(points.dtype)
    middle = (size - 1) / 2
    right = torch.stack([cosine, -sine, -centre[:, 0]], 1) * (zoom * sign)[:, None]
    down = torch.stack([sine, cosine, -centre[:, 1]], 1) * zoom[:, None]
    matrix = torch.stack([right, down], 1)
    matrix[:, :, 2] += middle
    return Placement(matrix, rotation, mirrored)


def draw_placement(
    points: Tensor, size: int, settings: ViewSettings, generator: torch.Generator
) -> Placement:
    """A crop of ``size`` pixels around each of ``points`` (B, n, 2), moved and turned at random."""
    count, device = len(points), points.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=device).clamp(-2.5, 2.5)

    def chance() -> Tensor:
        return torch.rand(count, generator=generator, device=device)

    kind = chance()
    rotation = settings.rotation * normal()
    rotation = torch.where(kind < settings.any_roll + settings.tilted, 35 * normal(), rotation)
    rotation = torch.where(kind < settings.any_roll, 360 * chance() - 180, rotation)
    loose = 1.0 + (chance() < settings.loose).to(points.dtype)
    shift = settings.shift * loose[:, None] * normal(2)
    growth = torch.exp(settings.scale * loose * normal())
    return place(points, size, rotation, chance() < settings.flip, shift, growth)


def straight(points: Tensor, size: int) -> Placement:
    """Return the crop rule's places for ``points`` (B, n, 2), nothing moved."""
    zero = torch.zeros(len(points), device=points.device)
    return place(points, size, zero, zero > 0, torch.zeros_like(points[:, 0]), zero + 1)


def crop(pictures: Tensor, placement: Placement, size: int, factor: int = 1) -> Tensor:
    """Crops (B, 3, size, size), 0 to 255, of ``pictures`` (B, 3, H, W) uint8.

    ``factor`` : samples taken along a pixel's side and averaged; 1 is what `geometry.crop.cut`
    does down to half the picture's scale
    """
    matrix = placement.matrix
    fine = size * factor
    steps = (torch.arange(fine, device=matrix.device, dtype=matrix.dtype) + 0.5) / factor - 0.5
    a, b, c, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 0], matrix[:, 1, 1]
    area = a * d - b * c
    u = steps[None, None, :] - matrix[:, 0, 2, None, None]
    v = steps[None, :, None] - matrix[:, 1, 2, None, None]
    x = (d[:, None, None] * u - b[:, None, None] * v) / area[:, None, None]
    y = (a[:, None, None] * v - c[:, None, None] * u) / area[:, None, None]
    height, width = pictures.shape[-2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    shifted = pictures.to(matrix.dtype) - FILL  # what lies beyond the border becomes 0
    sampled = functional.grid_sample(shifted, grid, "bilinear", "zeros", align_corners=False)
    return (functional.avg_pool2d(sampled, factor) if factor > 1 else sampled) + FILL


def move_points(points: Tensor, placement: Placement, size: int, flip: Tensor) -> Tensor:
    """``points`` (B, n, 2) in picture pixels -> relative crop coordinates, mirrored ones renamed.

    flip : (n,) for each point that which it becomes in a mirrored face
    """
    moved = points @ placement.matrix[:, :, :2].transpose(1, 2) + placement.matrix[:, None, :, 2]
    moved = (moved + 0.5) / size
    return torch.where(placement.mirrored[:, None, None], moved[:, flip], moved)


def move_pose(pose: Tensor, placement: Placement) -> Tensor:
    """``pose`` (B, 3) degrees of the same heads as the crops show them; roll within +-180."""
    roll = torch.remainder(pose[:, 2] + placement.rotation + 180, 360) - 180
    turned = torch.stack([pose[:, 0], pose[:, 1], roll], 1)
    sign = torch.tensor([-1.0, 1.0, -1.0], device=pose.device)
    return torch.where(placement.mirrored[:, None], turned * sign, turned)


def spoil(crops: Tensor, settings: ViewSettings, generator: torch.Generator) -> Tensor:
    """Change light, sharpness and occlusion of ``crops`` (B, 3, s, s), 0 to 255; rounded."""
    crops = _low_resolution(crops, settings.low_resolution, generator)
    crops = _light(crops, settings.light, generator)
    crops = _grey(crops, settings.grey, generator)
    crops = _blur(crops, settings.blur, generator)
    crops = _occlusion(crops, settings.occlusion, generator)
    crops = _noise(crops, settings.noise, generator)
    return crops.clamp(0, 255).round()


def _rand(crops: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(len(crops), *shape, generator=generator, device=crops.device)


def _some(crops: Tensor, share: float, generator: torch.Generator) -> slice:
    """A contiguous ``share`` of the batch, whose faces are in random order; shapes stay fixed."""
    count = round(share * len(crops))
    first = int(torch.randint(len(crops) - count + 1, (1,)))  # on the CPU: no wait for the device
    return slice(first, first + count)


def _light(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Gain, offset and gamma, slightly different in each channel."""

    def normal(spread: float, channels: int = 1) -> Tensor:
        drawn = torch.randn(len(crops), channels, 1, 1, generator=generator, device=crops.device)
        return spread * drawn.clamp(-2.5, 2.5)

    changed = (crops.clamp(0, 255) / 255 + 1e-4) ** torch.exp(normal(0.25))
    changed = torch.exp(normal(0.2) + normal(0.06, 3)) * changed + normal(0.08)
    chosen = _rand(crops, generator, 1, 1, 1) < share
    return torch.where(chosen, 255 * changed, crops).clamp(0, 255)


def _grey(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114], device=crops.device)  # ITU-R BT.601
    grey = (crops * weights[:, None, None]).sum(1, keepdim=True).expand_as(crops)
    return torch.where(_rand(crops, generator, 1, 1, 1) < share, grey, crops)


def _blur(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A Gaussian of one width for the run of this batch, from 0.3 to 1.6 pixels of 128."""
    run = _some(crops, share, generator)
    sigma = (0.3 + 1.3 * float(torch.rand(1))) * crops.shape[-1] / 128
    reach = max(1, round(3 * sigma))
    steps = torch.arange(-reach, reach + 1, device=crops.device, dtype=crops.dtype)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(crops[run], (reach,) * 4, mode="reflect")
    soft = functional.conv2d(padded, kernel, groups=3)
    soft = functional.conv2d(soft, kernel.transpose(2, 3), groups=3)
    return torch.cat([crops[: run.start], soft, crops[run.stop :]])


def _low_resolution(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    run = _some(crops, share, generator)
    small = round(crops.shape[-1] * (0.2 + 0.5 * float(torch.rand(1))))
    reduced = functional.interpolate(crops[run], (small, small), mode="area")
    soft = functional.interpolate(reduced, crops.shape[-2:], mode="bilinear")
    return torch.cat([crops[: run.start], soft, crops[run.stop :]])


def _noise(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    run = _some(crops, share, generator)
    part = crops[run]
    strength = 2 + 10 * torch.rand(len(part), 1, 1, 1, generator=generator, device=part.device)
    grain = torch.randn(part.shape, generator=generator, device=part.device, dtype=part.dtype)
    return torch.cat([crops[: run.start], part + strength * grain, crops[run.stop :]])


def _occlusion(crops: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A rectangle over up to a sixth of the crop: of one colour, or cut out of another face."""
    size = crops.shape[-1]
    extent = 0.08 + 0.32 * _rand(crops, generator, 2, 1, 1)
    low = _rand(crops, generator, 2, 1, 1) * (1 - extent)
    steps = (torch.arange(size, device=crops.device) + 0.5) / size
    x, y = steps[None, None, :], steps[None, :, None]
    high = low + extent
    inside = (x > low[:, 0]) & (x < high[:, 0]) & (y > low[:, 1]) & (y < high[:, 1])
    inside = inside & (_rand(crops, generator, 1, 1) < share)
    flat = 255 * _rand(crops, generator, 3, 1, 1).expand_as(crops)
    cover = torch.where(_rand(crops, generator, 1, 1, 1) < 0.5, flat, crops.roll(1, 0))
    return torch.where(inside[:, None], cover, crops)
