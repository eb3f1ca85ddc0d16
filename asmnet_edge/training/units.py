"""Training units inside an ``.npz`` of weights: JSON bytes under one key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from asmnet_edge.training.targets import TargetScaling

SCALING = "scaling"


def units_of(arrays: Mapping[str, NDArray[Any]]) -> TargetScaling:
    """Return the training units stored beside weights; `KeyError` when there are none."""
    return TargetScaling.from_json(json.loads(arrays[SCALING].tobytes()))
