"""Contact sheet of the worst faces of an evaluation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from asmnet_edge.benchmarks.evaluation.evaluation import Predictions
from asmnet_edge.crop import CropRule, cut, from_relative, invert, transform
from asmnet_edge.drawing import CAPTION, SHEET, contact_sheet, draw_contours
from asmnet_edge.landmarks import FloatArray, Landmarks
from asmnet_edge.pictures import Picture, write_picture

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
    write_picture(path, np.concatenate([_legend(sheet.shape[1], title), sheet]))


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
