"""Scaling of uint8 pixels to a network's input, for training, prediction and artifacts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from asmnet_edge.errors import ModelError


@dataclass(frozen=True)
class PixelScaling:
    """Scaling (p - ``offset``) * ``scale`` of RGB pixels.

    The default, (p - 128) / 128 in [-1, 1), is what an int8 input represents without loss. The
    pixel ``offset`` becomes 0, with which convolutions pad: so another network's scaling cannot be
    folded into its first convolution, but its channel order can.
    """

    offset: float = 128.0
    scale: float = 1 / 128

    def __post_init__(self) -> None:
        if not (math.isfinite(self.offset) and 0 < self.scale < math.inf):
            raise ModelError(f"pixels need a finite offset and a positive scale, got {self}")

    def apply(self, pictures: Any) -> Any:
        """Return the float32 network input of uint8 ``pictures`` of any shape."""
        return (pictures.astype(np.float32) - np.float32(self.offset)) * np.float32(self.scale)
