"""Choosing calibration faces: some of each pose and each light, the same ones each time.

Activation ranges are set by the faces at the edges of what occurs. A draw in the data set's order
has few of those, so faces are sorted into strata by yaw, pitch and light, and taken in turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.landmarks import FloatArray

# edges between strata; about a fifth of 300W's training faces lies beyond each
EDGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"yaw": (-15.0, 15.0), "pitch": (-10.0, 12.0), "light": (90.0, 135.0)}
)
UNITS: Mapping[str, str] = MappingProxyType({"yaw": "°", "pitch": "°", "light": ""})
LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601

Stratum = tuple[int, ...]


def light_of(crop: NDArray[np.uint8]) -> float:
    """Mean luminance, 0 to 255, of ``crop`` (s, s, 3) RGB."""
    return float(crop.reshape(-1, 3).mean(axis=0) @ np.array(LUMA))


def strata_of(**values: FloatArray) -> list[Stratum]:
    """For each face its bin, 0 to 2, on each axis; ``values`` (faces,) by axis of `EDGES`."""
    bins = [np.digitize(values[axis], EDGES[axis]) for axis in values]
    return [tuple(int(b) for b in face) for face in zip(*bins, strict=True)]


def choose(strata: Sequence[Stratum], count: int) -> list[int]:
    """Indices, ascending, of up to ``count`` faces, as many of each stratum as of any other.

    A stratum with fewer gives all it has. Within one, faces are spread evenly over their order.
    """
    quotas = _quotas(Counter(strata), min(count, len(strata)))
    chosen: list[int] = []
    for stratum, quota in quotas.items():
        members = [i for i, other in enumerate(strata) if other == stratum]
        chosen += [members[i] for i in np.linspace(0, len(members) - 1, quota).astype(int)]
    return sorted(chosen)


def _quotas(sizes: Mapping[Stratum, int], count: int) -> dict[Stratum, int]:
    """How many faces each stratum gives: one in turns, in order, while it has any."""
    quotas = dict.fromkeys(sorted(sizes), 0)
    while sum(quotas.values()) < count:
        for stratum in (s for s in quotas if quotas[s] < sizes[s]):
            quotas[stratum] += sum(quotas.values()) < count
    return quotas


def told(axes: Sequence[str], strata: Sequence[Stratum], chosen: Sequence[int]) -> dict[str, Any]:
    """For the manifest: on each axis the faces chosen in each bin, lowest first, and its edges."""
    return {
        axis: {
            "edges": list(EDGES[axis]),
            "chosen": [sum(strata[i][place] == k for i in chosen) for k in range(3)],
            "of": [sum(stratum[place] == k for stratum in strata) for k in range(3)],
        }
        for place, axis in enumerate(axes)
    }
