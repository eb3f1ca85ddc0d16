"""The sensitivity of each part as a figure: what it costs alone and what sparing it gains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asmnet_edge.converters.accuracy.sensitivity import Row
from asmnet_edge.plots import new_figure, save_figure

MOST = 40  # rows that can be read in one figure; of more, the costliest


def save_sensitivity(rows: Sequence[Row], path: Path) -> None:
    """Write the figure of ``rows``, first on top."""
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
    """At most `MOST` of ``rows``, those that cost most alone, in their own order."""
    limit = sorted((row.alone.deviation for row in rows), reverse=True)[:MOST][-1]
    return [row for row in rows if row.alone.deviation >= limit]
