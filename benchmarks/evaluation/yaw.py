"""Accuracy by yaw.

In profile the outer eye corners lie close together, so that the NME over their distance means
little: beside it stands the one over the face's box, which keeps its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from asmnet_edge import metrics
from asmnet_edge.benchmarks.accuracy.truth import Outputs, Truth
from asmnet_edge.landmarks import FloatArray

EDGES = (0.0, 15.0, 30.0, 45.0, 60.0, 90.0)  # of |yaw| in degrees; each range has its lower one
FEWEST = 10  # faces in a range, below which no figure is given
Rows = list[dict[str, Any]]


def rows_by_yaw(outputs: Outputs, truth: Truth) -> Rows:
    """Return a row for each range of |yaw|, even for an empty one.

    nme : in %, over the outer eye corners; nme_box : in %, over the root of the box's area; yaw_mae
    : in degrees. All are None where fewer than `FEWEST` faces are in the range. The yaw is that of
    ``truth``: exact where the data set has it, else fitted to the annotated landmarks.
    """
    place, values = np.digitize(np.abs(truth.pose[:, 0]), EDGES[1:-1]), _values(outputs, truth)
    return [
        {"from": low, "to": high, **_figures({n: v[place == k] for n, v in values.items()})}
        for k, (low, high) in enumerate(pairwise(EDGES))
    ]


def _values(outputs: Outputs, truth: Truth) -> dict[str, FloatArray]:
    """Errors of each face, (faces,), by name of the figure."""
    eyes, box = (
        100 * metrics.nme(outputs[0], truth.landmarks, truth.scheme, over)
        for over in ("inter-ocular", "box")
    )
    yaw = metrics.angle_errors(outputs[1], truth.pose)[:, 0]
    return {"nme": eyes, "nme_box": box, "yaw_mae": yaw}


def _figures(values: Mapping[str, FloatArray]) -> dict[str, Any]:
    faces = len(values["nme"])
    enough = faces >= FEWEST
    return {"faces": faces, **{n: float(v.mean()) if enough else None for n, v in values.items()}}
