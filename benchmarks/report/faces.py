"""The report's drawings of faces: deviation by region, and the faces that were moved most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from asmnet_edge.benchmarks.report.cells import label
from asmnet_edge.benchmarks.report.svg import Drawing
from asmnet_edge.pose import mean_face
from asmnet_edge.schemes import IBUG68, LandmarkScheme, scheme_named

SIDE = 220.0
SEEN = 0.01  # % from which a face is drawn
SHADES = 5  # classes r0 .. r4 of the style
Row = dict[str, Any]


def regions(rows: Sequence[Row], scheme: str) -> str:
    """A face for each row that has deviations, its regions as dark as they were moved."""
    chosen = [row for row in moved(rows) if max(_by_region(row).values()) > SEEN]
    if not chosen or scheme != IBUG68.name:
        return ""
    top = max(each for row in chosen for each in _by_region(row).values())
    words = (
        f"Distance to the float model's landmarks; the reddest is {top:.2f} % of the eye distance"
    )
    drawn = "".join(_face(row, top) for row in chosen)
    return f'<p class="soft">{words}</p><div class="faces">{drawn}</div>'


def moved(rows: Sequence[Row]) -> list[Row]:
    """Rows with deviations, but for the float model; of those with more threads only the first."""
    found: dict[Any, Row] = {}
    for row in rows:
        if row["format"] != "keras" and (row.get("accuracy") or {}).get("deviation_by_region"):
            content = row.get("files_sha256") or row.get("sha256")  # namesakes differ in it
            found.setdefault((row.get("file", row["name"]), content, row["runtime"]), row)
    return list(found.values())


def _by_region(row: Row) -> dict[str, float]:
    told = row["accuracy"]["deviation_by_region"]
    return {name: float(figures["iod_percent"]) for name, figures in told.items()}


def _face(row: Row, top: float) -> str:
    drawing, found = Drawing(SIDE, SIDE + 20, f"Deviation by region: {label(row)}"), _by_region(row)
    points = mean_face()[:, :2]
    low, span = points.min(axis=0), (points.max(axis=0) - points.min(axis=0)).max()
    places = (points - low) / span * (SIDE - 60) + 30
    owner = {index: name for name, indices in IBUG68.groups.items() for index in indices}
    for indices, closed in IBUG68.contours:
        kind = f"contour {_shade(found[owner[indices[0]]], top)}"
        drawing.path([tuple(places[i]) for i in indices], kind, closed)
    for index, (x, y) in enumerate(places.tolist()):
        name = owner[index]
        words = f"{name}: {found[name]:.2f} %"
        drawing.circle(x, y, 2.6, f"point {_shade(found[name], top)}", words)
    drawing.text(SIDE / 2, SIDE + 14, label(row), "name", "middle")
    return drawing.markup()


def _shade(value: float, top: float) -> str:
    return f"r{min(SHADES - 1, int(SHADES * value / top))}"


def region_table(rows: Sequence[Row]) -> list[list[str]]:
    """Header and lines: % of the inter-ocular distance and, in brackets, pixels, by region."""
    chosen = moved(rows)
    if not chosen:
        return []
    names = list(chosen[0]["accuracy"]["deviation_by_region"])
    lines = [["% (crop pixels)", *(name.replace("_", " ") for name in names)]]
    for row in chosen:
        told = row["accuracy"]["deviation_by_region"]
        cells = [f"{told[n]['iod_percent']:.2f} ({told[n]['pixels']:.2f})" for n in names]
        lines.append([label(row), *cells])
    return lines


def portraits(told: Sequence[dict[str, Any]], scheme: str, called: Mapping[str, str]) -> str:
    """The faces that each row moved most; float model and row in two colours.

    called : what the page calls the rows, by key
    """
    names = list(dict.fromkeys(each["row"] for each in told))
    parts = []
    for name in names:
        faces = "".join(_portrait(p, scheme_named(scheme)) for p in told if p["row"] == name)
        parts.append(
            f'<h3>{escape(called.get(name, name))}</h3><div class="portraits">{faces}</div>'
        )
    return "".join(parts)


def _portrait(told: dict[str, Any], scheme: LandmarkScheme) -> str:
    words = f"face {told['face']}: {told['deviation_iod_percent']:.2f} %"
    drawing = Drawing(160, 176, words)
    drawing.raw(
        f'<image href="data:image/jpeg;base64,{escape(told["jpeg"], quote=True)}" '
        'width="160" height="160"/>'
    )
    for kind, points in (("float", told["reference"]), ("other", told["landmarks"])):
        for indices, closed in scheme.contours:
            places = [(160 * points[i][0], 160 * points[i][1]) for i in indices]
            drawing.path(places, f"overlay {kind}", closed)
    drawing.text(80, 172, words, "name", "middle")
    return drawing.markup()
