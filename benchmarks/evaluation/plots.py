"""Pictures of an evaluation: error curves, sensitivity to the crop, and the worst faces."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from asmnet_edge.benchmarks.evaluation.subsets import Predictions
from asmnet_edge.benchmarks.evaluation_faces import faces_in_words
from asmnet_edge.geometry.crop import CropRule, cut, from_relative, invert, transform
from asmnet_edge.geometry.landmarks import FloatArray, Landmarks
from asmnet_edge.io.display import new_figure, save_figure
from asmnet_edge.io.drawing import CAPTION, SHEET, contact_sheet, draw_contours
from asmnet_edge.io.images import Picture, write_image

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


# Contact sheet of the worst faces

COUNT = 24
TILE = CropRule(margin=1.6, size=224)  # wider than the network's crop: points may lie outside
ANNOTATED, PREDICTED = (80, 220, 80), (60, 60, 255)  # BGR: green, red
LEGEND = 24  # pixels of height


def write_worst_faces(
    predictions: Predictions, rule: CropRule, path: Path, count: int = COUNT, columns: int = 8
) -> None:
    """Write the ``count`` faces of the highest NME, the worst first, each over its NME and name.

    rule : that the faces were cut by for the model, needed to map its landmarks back
    """
    errors = predictions.errors
    worst = np.argsort(-errors, kind="stable")[:count]
    tiles = [_tile(predictions, int(number), rule) for number in worst]
    names = [predictions.samples[number].name.rsplit("/", 1)[-1] for number in worst]
    captions = [f"{100 * errors[n]:.1f} %  {name}" for n, name in zip(worst, names, strict=True)]
    sheet = contact_sheet(tiles, captions, columns)
    title = f"NME of the worst {len(worst)} of {len(errors)} faces"
    write_image(path, np.concatenate([_legend(sheet.shape[1], title), sheet]))


def _tile(predictions: Predictions, number: int, rule: CropRule) -> Picture:
    sample = predictions.samples[number]
    seen, shown = rule.matrix(sample.landmarks.box), TILE.matrix(sample.landmarks.box)
    canvas = cut(sample.load(), shown, TILE.size)
    points = transform(from_relative(predictions.outputs[0][number], rule.size), invert(seen))
    for pixels, colour in ((sample.landmarks.points, ANNOTATED), (points, PREDICTED)):
        draw_contours(canvas, _landmarks(transform(pixels, shown), predictions), colour)
    return canvas


def _landmarks(points: FloatArray, predictions: Predictions) -> Landmarks:
    return Landmarks(points, predictions.truth.scheme)


def _legend(width: int, title: str) -> Picture:
    """Strip (LEGEND, width, 3) that names the colours."""
    strip = np.full((LEGEND, width, 3), SHEET, np.uint8)
    words = ((6, "annotated", ANNOTATED), (96, "predicted", PREDICTED), (190, title, CAPTION))
    for x, text, colour in words:
        font, line = cv2.FONT_HERSHEY_DUPLEX, cv2.LINE_AA
        cv2.putText(strip, text, (x, LEGEND - 7), font, 0.45, colour, 1, line)
    return strip
