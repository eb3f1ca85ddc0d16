"""Figures and tables of one style: Matplotlib without a screen, and Rich for the terminal.

Matplotlib comes with the extras ``report`` and ``train``; it is imported when a figure is drawn.
Figures are written atomically, and the same figure gives the same bytes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from asmnet_edge.errors import require
from asmnet_edge.io.files import write_atomically

INCHES = (6.4, 4.0)
DPI = 120
EXTRA = "report"  # the smallest extra that has Matplotlib


def new_figure(
    rows: int = 1, columns: int = 1, inches: tuple[float, float] = INCHES
) -> tuple[Any, Any]:
    """Return a Matplotlib figure and its axes: one, or an array (rows, columns)."""
    figure = require("matplotlib.figure", EXTRA).Figure(figsize=inches, layout="constrained")
    axes = figure.subplots(rows, columns)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
    return figure, axes


def save_figure(figure: Any, path: Path) -> None:
    """Write ``figure`` in the format of the path's suffix (PNG, SVG), the same bytes each time."""
    write_atomically(path, figure_bytes(figure, path.suffix[1:]))


def figure_bytes(figure: Any, kind: str) -> bytes:
    """Return ``figure`` as a file of ``kind`` (png, svg): no date, and names that do not vary."""
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with require("matplotlib", EXTRA).rc_context({"svg.hashsalt": "asmnet-edge"}):
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata if kind == "svg" else {})
    return buffer.getvalue()


def table(first: str, *others: str) -> Table:
    """Return an empty table with these columns, all but the first aligned to the right."""
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    view.add_column(first, no_wrap=True)
    for name in others:
        view.add_column(name, justify="right", no_wrap=True)
    return view
