"""The networks in PyTorch: ASMNet with Keras' names and arithmetic, and a larger teacher.

The weights of `AsmNet` are exchanged with the Keras network of the same variant by layer name:
convolutions (height, width, in, out), depthwise ones (height, width, channels, 1), dense layers
(in, out), batch norms gamma, beta, moving_mean, moving_variance. A student is stored in one
``.npz``, in that layout and with its training units; a teacher in parts, so that each stays small
enough to be carried.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from asmnet_edge.errors import ModelError
from asmnet_edge.io.files import write_arrays
from asmnet_edge.training.model_facts import SCALING, TargetScaling, units_of

NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.03  # Keras' MobileNetV2; 1 - Keras' momentum of 0.97
# expansion, channels, stride of the blocks 0 to 15 (Sandler et al., CVPR 2018, table 2)
BLOCKS = (
    *((1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1)),
    *((6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1), (6, 96, 1), (6, 96, 1), (6, 96, 1)),
    *((6, 160, 2), (6, 160, 1), (6, 160, 1)),
)
TAPPED = (1, 3, 6, 10, 13, 15)  # blocks whose outputs ASMNet averages
OFFSET, SCALE = 128.0, 1 / 128  # of pixels, as `asmnet_edge.training.model_facts.PixelScaling`

Weights = Mapping[str, NDArray[Any]]


def channels_of(wanted: float) -> int:
    """Return the multiple of 8 nearest to ``wanted``, at most 10 % below it, as in MobileNets."""
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class AsmNet(nn.Module):
    """(B, 3, s, s) RGB, 0 to 255 -> landmarks (B, 2 x points), pose (B, 3), both standardised.

    A third output, the log scale (B, points) of each point's error, serves training alone.
    frozen : number of first blocks that, with the convolution before, are not trained: on a CPU
    most of a step's time goes into them; fixed_norms : batch norms keep their statistics, so that
    small batches do not disturb weights that are nearly right
    """

    def __init__(
        self, alpha: float = 1.0, points: int = 68, frozen: int = 0, fixed_norms: bool = False
    ) -> None:
        super().__init__()
        self._frozen, self._fixed_norms = frozen, fixed_norms
        width = channels_of(32 * alpha)
        self.layers = nn.ModuleDict({"Conv1": nn.Conv2d(3, width, 3, 2, bias=False)})
        self.layers["bn_Conv1"] = _norm(width)
        features = 0
        self._residual = []
        for number, (expansion, wanted, stride) in enumerate(BLOCKS):
            width, before = channels_of(wanted * alpha), width
            self._add_block(number, before, expansion * before, width, stride)
            self._residual.append(stride == 1 and before == width)
            features += width if number in TAPPED else 0
        self.layers["landmarks"] = nn.Linear(features, 2 * points)
        self.layers["pose"] = nn.Linear(features, 3)
        self.log_scale = nn.Linear(features, points)
        nn.init.zeros_(self.log_scale.weight)
        nn.init.constant_(self.log_scale.bias, -1.0)
        self._start()

    def _add_block(self, number: int, before: int, inner: int, after: int, stride: int) -> None:
        name = _prefix(number)
        if number:
            self.layers[f"{name}_expand"] = nn.Conv2d(before, inner, 1, bias=False)
            self.layers[f"{name}_expand_BN"] = _norm(inner)
        depthwise = nn.Conv2d(inner, inner, 3, stride, stride % 2, groups=inner, bias=False)
        self.layers[f"{name}_depthwise"] = depthwise
        self.layers[f"{name}_depthwise_BN"] = _norm(inner)
        self.layers[f"{name}_project"] = nn.Conv2d(inner, after, 1, bias=False)
        self.layers[f"{name}_project_BN"] = _norm(after)

    def _start(self) -> None:
        """Glorot's uniform start, as Keras has it; the heads start near the mean face."""
        for name, layer in self.layers.items():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight, 0.1 if name == "landmarks" else 1.0)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def train(self, mode: bool = True) -> AsmNet:
        super().train(mode)
        kept = ("Conv1", "bn_Conv1", *(f"{_prefix(n)}_" for n in range(self._frozen)))
        for name, layer in self.layers.items():
            if self._frozen and name.startswith(kept):
                layer.eval().requires_grad_(False)
            elif self._fixed_norms and isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = functional.pad((crops - OFFSET) * SCALE, (0, 1, 0, 1))
        maps = functional.relu6(self.layers["bn_Conv1"](self.layers["Conv1"](maps)))
        pooled = []
        for number, (_, _, stride) in enumerate(BLOCKS):
            maps = self._block(number, maps, stride)
            if number in TAPPED:
                pooled.append(maps.float().mean((2, 3)))
        features = torch.cat(pooled, 1)
        with torch.autocast(features.device.type, enabled=False):
            landmarks, pose = self.layers["landmarks"](features), self.layers["pose"](features)
            return landmarks, pose, self.log_scale(features)

    def _block(self, number: int, maps: Tensor, stride: int) -> Tensor:
        name, given = _prefix(number), maps
        if number:
            maps = self.layers[f"{name}_expand_BN"](self.layers[f"{name}_expand"](maps))
            maps = functional.relu6(maps)
        if stride == 2:
            maps = functional.pad(maps, (0, 1, 0, 1))  # as Keras pads even maps
        maps = self.layers[f"{name}_depthwise_BN"](self.layers[f"{name}_depthwise"](maps))
        maps = functional.relu6(maps)
        maps = self.layers[f"{name}_project_BN"](self.layers[f"{name}_project"](maps))
        return maps + given if self._residual[number] else maps


def _prefix(number: int) -> str:
    return f"block_{number}" if number else "expanded_conv"


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, NORM_EPSILON, NORM_MOMENTUM)


def to_keras_layout(network: AsmNet) -> dict[str, NDArray[Any]]:
    """The weights as ``layer/variable`` -> array in Keras' layout."""
    weights: dict[str, NDArray[Any]] = {}
    for name, layer in network.layers.items():
        for variable, tensor in _variables(layer).items():
            array = tensor.detach().float().cpu().numpy()
            weights[f"{name}/{variable}"] = np.ascontiguousarray(
                array.transpose(_order(layer, array))
            )
    return weights


def from_keras_layout(network: AsmNet, weights: Weights) -> None:
    """Fill ``network``; `KeyError` or `ValueError` when ``weights`` are another variant's."""
    with torch.no_grad():
        for name, layer in network.layers.items():
            for variable, tensor in _variables(layer).items():
                array = np.asarray(weights[f"{name}/{variable}"])
                back = np.argsort(_order(layer, array))
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(array.transpose(back))))


def _variables(layer: nn.Module) -> dict[str, Tensor]:
    if isinstance(layer, nn.BatchNorm2d):
        moving = {"moving_mean": layer.running_mean, "moving_variance": layer.running_var}
        return {"gamma": layer.weight, "beta": layer.bias, **moving}  # type: ignore[dict-item]
    if isinstance(layer, nn.Linear):
        return {"kernel": layer.weight, "bias": layer.bias}
    return {"kernel": layer.weight}  # type: ignore[dict-item]


def _order(layer: nn.Module, array: NDArray[Any]) -> tuple[int, ...]:
    """Axes of PyTorch's array in the order in which Keras has them."""
    if isinstance(layer, nn.Conv2d):
        return (2, 3, 0, 1) if layer.groups > 1 else (2, 3, 1, 0)
    return tuple(range(array.ndim))[::-1]


class Teacher(nn.Module):
    """A residual encoder and a decoder to a heat map for each point; pose from the deepest map.

    Landmarks are the heat maps' centres of mass (Sun et al., "Integral Human Pose Regression",
    ECCV 2018), which have no grid to snap to. ``width`` scales all channels.
    """

    def __init__(self, width: int = 64, points: int = 68) -> None:
        super().__init__()
        first, *others = (width, 2 * width, 4 * width, 6 * width)
        inner = 2 * width
        self.stem = nn.Sequential(_conv(3, width // 2, 2), _conv(width // 2, first, 2))
        self.stages = nn.ModuleList(
            [nn.Sequential(_Residual(first, first), _Residual(first, first))]
        )
        for before, after in zip((first, *others[:-1]), others, strict=True):
            self.stages.append(nn.Sequential(_Residual(before, after, 2), _Residual(after, after)))
        self.sides = nn.ModuleList([nn.Conv2d(n, inner, 1) for n in (first, *others)])
        self.merges = nn.ModuleList([_conv(inner, inner) for _ in others])
        self.heat = nn.Sequential(_conv(inner, inner), nn.Conv2d(inner, points, 1))
        self.pose = nn.Linear(others[-1], 3)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, s, s), 0 to 255 -> log heat maps (B, points, s / 4, s / 4), pose (B, 3)."""
        maps, levels = self.stem((crops - OFFSET) * SCALE), []
        for stage in self.stages:
            maps = stage(maps)
            levels.append(maps)
        merged = self.sides[-1](levels[-1])
        for level, side, merge in zip(levels[-2::-1], self.sides[-2::-1], self.merges, strict=True):
            merged = merge(functional.interpolate(merged, scale_factor=2.0) + side(level))
        heat = self.heat(merged).float()
        with torch.autocast(heat.device.type, enabled=False):
            pose = self.pose(levels[-1].float().mean((2, 3)))
        return functional.log_softmax(heat.flatten(2), 2).view_as(heat), pose


def centres_of(log_heat: Tensor) -> Tensor:
    """Centres of mass (B, n, 2) of log heat maps (B, n, h, w), relative as the contract has it."""
    heat = log_heat.exp()
    height, width = heat.shape[-2:]
    x = (torch.arange(width, device=heat.device) + 0.5) / width
    y = (torch.arange(height, device=heat.device) + 0.5) / height
    return torch.stack([(heat.sum(2) * x).sum(2), (heat.sum(3) * y).sum(2)], 2)


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.first, self.second = _conv(before, after, stride), _conv(after, after, active=False)
        plain = stride == 1 and before == after
        self.side = nn.Identity() if plain else _conv(before, after, stride, 1, active=False)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(maps)) + self.side(maps))


def _conv(
    before: int, after: int, stride: int = 1, side: int = 3, active: bool = True
) -> nn.Module:
    parts = [nn.Conv2d(before, after, side, stride, side // 2, bias=False), nn.BatchNorm2d(after)]
    return nn.Sequential(*parts, *([nn.ReLU(inplace=True)] if active else []))


# Weights in files

PART_BYTES = 12_000_000  # of a teacher's file, at most, but for its largest tensor


def write_student(path: Path, student: AsmNet, scaling: TargetScaling) -> None:
    """Write ``student`` and its training units to ``path`` (.npz), atomically."""
    units = np.frombuffer(json.dumps(scaling.as_json()).encode(), np.uint8)
    write_arrays(path, {**to_keras_layout(student), SCALING: units})


def read_student(path: Path, student: AsmNet) -> TargetScaling:
    """Fill ``student`` from ``path``; `ModelError` when the weights are of another network."""
    try:
        with np.load(path) as arrays:
            from_keras_layout(student, arrays)
            return units_of(arrays)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path} does not hold weights for this network: {error}",
            "Make it with: python -m asmnet_edge.training.accelerated.export pull",
        ) from error


def write_teacher(folder: Path, teacher: nn.Module) -> list[Path]:
    """Write ``teacher-0.pt``, ``teacher-1.pt``, ... in half precision."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in teacher.state_dict().items()}
    paths: list[Path] = []
    part: dict[str, Any] = {}
    for number, (name, tensor) in enumerate(state.items(), start=1):
        part[name] = tensor
        size = sum(t.numel() * t.element_size() for t in part.values())
        if size > PART_BYTES or number == len(state):
            paths.append(folder / f"teacher-{len(paths)}.pt")
            torch.save(part, paths[-1])
            part = {}
    return paths


def read_teacher(folder: Path, teacher: nn.Module) -> None:
    """Fill ``teacher`` from the parts in ``folder``; `ModelError` when they are not all there."""
    state: dict[str, Any] = {}
    for path in sorted(folder.glob("teacher-*.pt")):
        state |= torch.load(path, weights_only=True, map_location="cpu")
    try:
        teacher.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(
            f"{folder} does not hold all parts of this teacher: {str(error).splitlines()[0]}",
            "Bring every teacher-N.pt of one run, and give the width that it was trained with",
        ) from error


def write_labels(path: Path, labels: dict[str, NDArray[Any]]) -> None:
    """Write the points that a teacher finds in each bank, arrays (F, n, 2), to ``path`` (.npz)."""
    write_arrays(path, labels)
