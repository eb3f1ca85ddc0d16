"""Figures: one look for all, drawn without a screen, written whole or not at all.

Matplotlib comes with the ``train`` extra and is imported only when a figure is drawn.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from asmnet_edge.errors import require
from asmnet_edge.files import write_atomically

INCHES = (6.4, 4.0)
DPI = 120


def new_figure(
    rows: int = 1, columns: int = 1, inches: tuple[float, float] = INCHES
) -> tuple[Any, Any]:
    """A Matplotlib figure and its axes: one, or an array (rows, columns)."""
    figure = require("matplotlib.figure", "train").Figure(figsize=inches, layout="constrained")
    axes = figure.subplots(rows, columns)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
    return figure, axes


def save_figure(figure: Any, path: Path) -> None:
    """Write ``figure`` in the format of the path's suffix (PNG, SVG), the same bytes each time."""
    buffer = io.BytesIO()
    date = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(buffer, format=path.suffix[1:], dpi=DPI, metadata=date)
    write_atomically(path, buffer.getvalue())
