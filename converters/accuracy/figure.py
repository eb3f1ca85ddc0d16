"""Figure of the sensitivity of each part: its cost alone in int8, its gain alone in float."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asmnet_edge.converters.accuracy.sensitivity import Row
from asmnet_edge.plots import new_figure, save_figure

MAX_ROWS = 40  # that are legible in one figure


def save_sensitivity(rows: Sequence[Row], path: Path) -> None:
    """Write the figure of ``rows`` to ``path``, the first row on top."""
    shown = costliest(rows)
    height = 1.2 + 0.22 * len(shown)
    figure, axes = new_figure(1, 2, (9.0, height))
    places, names = range(len(shown)), [row.name for row in shown]
    axes[0].barh(places, [row.alone.deviation for row in shown], color="tab:blue")
    axes[1].barh(places, [row.gain for row in shown], color="tab:green")
    axes[0].set_xlabel("deviation when alone in int8, %")
    axes[1].set_xlabel("deviation gained when alone in float, %")
    for axis in axes:
        axis.set_yticks(places, names, fontsize=8)
        axis.invert_yaxis()
    save_figure(figure, path)


def costliest(rows: Sequence[Row]) -> list[Row]:
    """Return the `MAX_ROWS` of ``rows`` that cost most alone in int8, in their order."""
    limit = sorted((row.alone.deviation for row in rows), reverse=True)[:MAX_ROWS][-1]
    return [row for row in rows if row.alone.deviation >= limit]
