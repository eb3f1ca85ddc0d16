"""Plots of an evaluation: cumulative error curves, and the sensitivity to the crop."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.accuracy.truth import faces_in_words
from asmnet_edge.plots import new_figure, save_figure

LINES = ("-", "--", ":", "-.")  # so that curves that coincide are both seen
# panel title, label of its axis, factor on the steps, curves and their names
PANELS = (
    ("shift", "% of the crop's side", 100, {"shift_x": "to the right", "shift_y": "down"}),
    ("scale", "x the crop's side", 1, {"scale": ""}),
    ("rotation", "degrees clockwise", 1, {"rotation": ""}),
)


def draw_curves(content: dict[str, Any], path: Path) -> None:
    """Draw each subset's cumulative error curve up to the failure threshold."""
    figure, axis = new_figure()
    limit = content["failure_threshold_percent"]
    for row, line in zip(content["subsets"], cycle(LINES)):
        errors = np.sort(list(row["errors"].values()))
        share = 100 * np.arange(1, len(errors) + 1) / len(errors)
        faces = faces_in_words(row["faces"], row["missing"], row["broken"])
        label = f"{row['name']}: {faces}, AUC {100 * row['auc']:.1f} %"
        # from no face at all to where the last one below the limit stays
        ends = [0, *errors, max(limit, errors[-1])], [0, *share, 100]
        axis.step(*ends, where="post", label=label, linestyle=line)
    axis.set(xlim=(0, limit), ylim=(0, 100), title=content["model"]["name"])
    axis.set(xlabel="NME, % of the inter-ocular distance", ylabel="faces, %")
    axis.legend(fontsize="small")
    save_figure(figure, path)


def draw_sensitivity(content: dict[str, Any], path: Path) -> None:
    """Draw the NME against shift, scale and rotation of the crop."""
    curves = content["sensitivity"]["curves"]
    figure, axes = new_figure(1, len(PANELS), inches=(9.6, 3.6))
    top = 1.05 * max(max(curve["nme"]) for curve in curves.values())
    for axis, (title, label, factor, names) in zip(axes.flat, PANELS, strict=True):
        for name, words in names.items():
            steps = factor * np.array(curves[name]["by"])
            axis.plot(steps, curves[name]["nme"], marker="o", markersize=3, label=words)
        axis.set(title=title, xlabel=label, ylim=(0, top))
        if len(names) > 1:
            axis.legend(fontsize="small")
    axes.flat[0].set_ylabel("NME, %")
    faces = content["sensitivity"]["faces"]
    figure.suptitle(f"{content['model']['name']}: NME by displacement of the crop ({faces} faces)")
    save_figure(figure, path)
