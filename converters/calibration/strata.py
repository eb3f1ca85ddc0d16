"""Stratified sampling of calibration faces by pose and luminance, without randomness.

Activation ranges are set by faces with extreme poses and light. The first faces of a data set hold
few of those, so faces are sorted into strata by yaw, pitch and luminance, and each stratum gives as
many as any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asmnet_edge.landmarks import FloatArray

# bin edges; about a fifth of 300W's training faces lies beyond each
EDGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"yaw": (-15.0, 15.0), "pitch": (-10.0, 12.0), "light": (90.0, 135.0)}
)
UNITS: Mapping[str, str] = MappingProxyType({"yaw": "°", "pitch": "°", "light": ""})
LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601

Stratum = tuple[int, ...]


def luminance(crop: NDArray[np.uint8]) -> float:
    """Return the mean luminance, 0 to 255, of ``crop`` (s, s, 3) uint8 RGB."""
    return float(crop.reshape(-1, 3).mean(axis=0) @ np.array(LUMA))


def stratify(**values: FloatArray) -> list[Stratum]:
    """Return the bins, 0 to 2, of each face; ``values`` (faces,) by axis of `EDGES`."""
    bins = [np.digitize(values[axis], EDGES[axis]) for axis in values]
    return [tuple(int(b) for b in face) for face in zip(*bins, strict=True)]


def stratified_sample(strata: Sequence[Stratum], count: int) -> list[int]:
    """Return ascending indices of up to ``count`` faces, equally many from each stratum.

    A stratum with fewer faces gives all of them. Within a stratum, faces are spread evenly over
    their order.
    """
    quotas = _quotas(Counter(strata), min(count, len(strata)))
    chosen: list[int] = []
    for stratum, quota in quotas.items():
        members = [i for i, other in enumerate(strata) if other == stratum]
        chosen += [members[i] for i in np.linspace(0, len(members) - 1, quota).astype(int)]
    return sorted(chosen)


def _quotas(sizes: Mapping[Stratum, int], count: int) -> dict[Stratum, int]:
    """Number of faces from each stratum: one in turn, in sorted order, while any is left."""
    quotas = dict.fromkeys(sorted(sizes), 0)
    while sum(quotas.values()) < count:
        for stratum in (s for s in quotas if quotas[s] < sizes[s]):
            quotas[stratum] += sum(quotas.values()) < count
    return quotas


def summarise(
    axes: Sequence[str], strata: Sequence[Stratum], chosen: Sequence[int]
) -> dict[str, Any]:
    """Return bin edges and face counts of each axis, lowest bin first, for the manifest."""
    return {
        axis: {
            "edges": list(EDGES[axis]),
            "chosen": [sum(strata[i][place] == k for i in chosen) for k in range(3)],
            "of": [sum(stratum[place] == k for stratum in strata) for k in range(3)],
        }
        for place, axis in enumerate(axes)
    }
