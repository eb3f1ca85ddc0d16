"""Crops of the faces of a data set, as the network sees them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.crop import CropRule, cut
from asmnet_edge.data.sample import Sample


def crops_of(samples: Sequence[Sample], rule: CropRule) -> NDArray[np.uint8]:
    """Crops (faces, s, s, 3) uint8 RGB of ``samples``, cut by ``rule`` around their landmarks."""
    crops = [cut(s.load(), rule.matrix(s.landmarks), rule.size)[..., ::-1] for s in samples]
    return np.ascontiguousarray(np.stack(crops))
