"""Faces of a report: how far each region moved, and the faces that moved most.

They hold what the page's template draws: contours as SVG ``points``, with a class for the colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.record_types import Portrait
from asmnet_edge.benchmarks.report.cells import Row
from asmnet_edge.geometry.landmarks import FloatArray
from asmnet_edge.geometry.pose import mean_face
from asmnet_edge.geometry.schemes import IBUG68, LandmarkScheme, scheme_named

SIDE = 160.0  # of a drawn face, in units of its drawing
EDGE = 16.0
# % of the eye distance at which the next colour begins; the last is red. Annotators of the same
# picture differ by more than 1 %, so less than that is no reason for alarm
SHADES = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Line:
    """A contour: ``points`` as SVG has them, whether it is closed, its class, its tooltip."""

    points: str
    closed: bool
    kind: str
    words: str = ""


@dataclass(frozen=True)
class FaceDrawing:
    """Contours in a square of `SIDE` units under a caption; ``jpeg`` (base64) lies below them."""

    caption: str
    lines: tuple[Line, ...]
    jpeg: str = ""


def region_faces(rows: Sequence[Row], scheme: str) -> list[FaceDrawing]:
    """A mean face for each row that has deviations, its regions coloured by `SHADES`.

    Empty for another ``scheme`` than iBUG's 68 points.
    """
    return [_region_face(row) for row in with_deviations(rows)] if scheme == IBUG68.name else []


def with_deviations(rows: Sequence[Row]) -> list[Row]:
    """Rows of ``rows`` with deviations, without the float model; one for each file and runtime."""
    found: dict[Any, Row] = {}
    for row in rows:
        case = row.case
        if case.format != "keras" and case.figures.deviation_by_region:
            content = case.files_sha256 or case.sha256  # namesakes differ in it
            found.setdefault((case.file_name, content, case.runtime), row)
    return list(found.values())


def _region_face(row: Row) -> FaceDrawing:
    found = row.case.figures.deviation_by_region or {}
    points = mean_face()[:, :2]
    low, span = points.min(axis=0), np.ptp(points, axis=0).max()
    places = (points - low) / span * (SIDE - 2 * EDGE) + EDGE
    region_of = {index: name for name, indices in IBUG68.groups.items() for index in indices}
    lines = []
    for indices, closed in IBUG68.contours:
        name = region_of[indices[0]]
        percent = found[name].iod_percent
        words = f"{name.replace('_', ' ')}: {percent:.2f} %"
        lines.append(Line(_svg_points(places, indices), closed, f"shade{shade(percent)}", words))
    return FaceDrawing(row.label, tuple(lines))


def shade(percent: float) -> int:
    """Return the number of the colour for a deviation in % of the eye distance, 0 to 4."""
    return sum(percent >= limit for limit in SHADES)


def shade_legend() -> list[tuple[str, str]]:
    """Class and meaning of each colour."""
    ends = [f"under {SHADES[0]:g} %", *(f"from {limit:g} %" for limit in SHADES)]
    return [(f"shade{number}", words) for number, words in enumerate(ends)]


def region_lines(rows: Sequence[Row]) -> list[list[str]]:
    """Header and rows of a table: deviation in % of the eye distance and (pixels), by region."""
    if not (chosen := with_deviations(rows)):
        return []
    names = list(chosen[0].case.figures.deviation_by_region or {})
    lines = [["% (crop pixels)", *(name.replace("_", " ") for name in names)]]
    for row in chosen:
        found = row.case.figures.deviation_by_region or {}
        cells = [f"{found[name].iod_percent:.2f} ({found[name].pixels:.2f})" for name in names]
        lines.append([row.label, *cells])
    return lines


def portraits(
    entries: Sequence[Portrait], scheme: str, labels: Mapping[str, str]
) -> dict[str, list[FaceDrawing]]:
    """The faces that each row moved most, by the row's label.

    labels : of the rows, by key
    """
    found: dict[str, list[FaceDrawing]] = {}
    for entry in entries:
        name = labels.get(entry.row, entry.row)
        found.setdefault(name, []).append(_portrait(entry, scheme_named(scheme)))
    return found


def _portrait(entry: Portrait, scheme: LandmarkScheme) -> FaceDrawing:
    lines = []
    for kind, relative in (("float", entry.reference), ("artifact", entry.landmarks)):
        places = SIDE * np.asarray(relative, np.float64)
        lines += [Line(_svg_points(places, i), closed, kind) for i, closed in scheme.contours]
    caption = f"face {entry.face}: {entry.deviation_iod_percent:.2f} %"
    return FaceDrawing(caption, tuple(lines), entry.jpeg)


def _svg_points(places: FloatArray, indices: Sequence[int]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places[list(indices)].tolist())
