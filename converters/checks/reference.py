"""What the float model gives on some crops, computed once: Keras is the slowest runtime of all."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.landmarks import FloatArray
from asmnet_edge.training.floatmodel import FloatModel

Outputs = tuple[FloatArray, FloatArray]
# the last few
_kept: deque[tuple[FloatModel, bytes, Outputs]] = deque(maxlen=4)


def reference_of(model: FloatModel, crops: NDArray[np.uint8]) -> Outputs:
    """Landmarks (faces, n, 2) and pose (faces, 3) of ``crops`` by ``model``; see `predict`."""
    content = crops.tobytes()
    for other, seen, outputs in _kept:
        if other is model and seen == content:
            return outputs
    outputs = model.predict(crops)
    _kept.append((model, content, outputs))
    return outputs
