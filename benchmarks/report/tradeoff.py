"""The report's drawing of speed against accuracy: a numbered dot a row, its figures in a legend."""

from __future__ import annotations

from html import escape
from math import cos, hypot, pi, sin
from textwrap import wrap
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import label, labelled
from asmnet_edge.benchmarks.report.charts import LEFT, RIGHT, WIDTH
from asmnet_edge.benchmarks.report.notes import title
from asmnet_edge.benchmarks.report.style import STYLE
from asmnet_edge.benchmarks.report.svg import Axis, Drawing, Pair
from asmnet_edge.errors import UsageError

TOP, FOOT = 30.0, 250.0
ROOM = 14.0  # pixels between two numbers, or a number and a dot's edge
TURNS, STEPS = 16, (10.0, 20.0, 32.0, 46.0)  # where numbers may stand around their dots
LINE, LETTERS = 17.0, 80  # of the legend in a file of its own: pixels between, letters in
TRIFLE = 0.05  # share of an accuracy
AREA, DASHED = "Area: size of the file.", " Dashed: what no other row beats in both."
Row = dict[str, Any]
Dot = tuple[float, float, float]  # x, y, radius


def trade_off(rows: list[Row]) -> str:
    """Latency against NME or, without annotations, deviation; area by size; the front joined."""
    if not (drawn := _drawing(rows)):
        return ""
    drawing, told, reading = drawn
    items = "".join(f"<li>{escape(line)}</li>" for line in told)
    return f'{drawing.markup()}<p class="soft">{reading}</p><ol class="key">{items}</ol>'


def trade_off_alone(record: BenchmarkRecord) -> str:
    """The same of a whole record as an SVG file, with its legend inside.

    `UsageError` where fewer than two rows have an accuracy.
    """
    record = labelled(record)
    if not (drawn := _drawing(record.measured)):
        raise UsageError(
            "speed against accuracy is drawn of two rows or more",
            "Benchmark two artifacts with --data, or with the float model",
        )
    drawing, told, reading = drawn
    lines = [f"{number}  {words}" for number, words in enumerate(told, start=1)]
    lines = [reading, *wrap(title(record), LETTERS), *lines]
    for number, words in enumerate(lines):
        drawing.text(12, drawing.height + LINE * (number + 0.5), words, "name")
    drawing.height += LINE * (len(lines) + 0.5)
    return drawing.file(STYLE)


def _drawing(rows: list[Row]) -> tuple[Drawing, list[str], str] | None:
    """The drawing, what each row's dot means, and how to read it; None of too few rows."""
    figure, words = _figure(rows)
    points = [(row, (row.get("accuracy") or {}).get(figure)) for row in rows]
    known = [(row, float(value)) for row, value in points if value is not None]
    if len(known) < 2:
        return None
    spots = [(row["latency_ms"]["p50"], value) for row, value in known]
    told = [f"{label(row)}: {row['latency_ms']['p50']:.2f} ms, {v:.2f} %" for row, v in known]
    largest = max(row["bytes"] for row, _ in known)
    radii = [3 + 8 * (row["bytes"] / largest) ** 0.5 for row, _ in known]
    reading = AREA + (DASHED if len(front(spots)) > 1 else "")
    return _drawn(spots, radii, told, words), told, reading


def _drawn(spots: list[Pair], radii: list[float], told: list[str], words: str) -> Drawing:
    """spots : p50 and accuracy of each row; told : what its dot says when it is pointed at"""
    x, y = axes([speed for speed, _ in spots], [value for _, value in spots])
    drawing = Drawing(WIDTH, 300, f"{words} against latency")
    drawing.path([(x(a), y(b)) for a, b in sorted(front(spots))], "front")
    dots = [(x(a), y(b), radius) for (a, b), radius in zip(spots, radii, strict=True)]
    _dots(drawing, dots, told)
    drawing.axis_below(x, FOOT + 4, "p50, ms")
    drawing.axis_left(y, LEFT, words)
    return drawing


def axes(speeds: list[float], values: list[float]) -> tuple[Axis, Axis]:
    """Of p50 and of accuracy; the latter begins at 0 unless all would crowd at its far end.

    Accuracies that are nearly the same look so: their axis is not stretched over a trifle.
    """
    log = max(speeds) / min(speeds) > 6
    ends = (0.8 * min(speeds) if log else 0, 1.15 * max(speeds))
    low, high = min(values), max(values)
    pad = max(0.1 * (high - low), TRIFLE * high) or 1
    low = low - pad if low > 0.5 * high else 0.0
    return Axis(ends, (LEFT, WIDTH - RIGHT), log), Axis((low, high + pad), (FOOT, TOP))


def _dots(drawing: Drawing, dots: list[Dot], told: list[str]) -> None:
    """Large ones first, so that none is hidden; each with its number beside it."""
    for dot, words in sorted(zip(dots, told, strict=True), key=lambda pair: -pair[0][2]):
        drawing.circle(*dot, "dot", words)
    for number, (dot, place) in enumerate(zip(dots, places(dots), strict=True), start=1):
        drawing.line(dot[:2], place, "leader")
        drawing.circle(*place, 7, "plate")
        drawing.text(place[0], place[1] + 4, str(number), "number", "middle")


def places(dots: list[Dot]) -> list[Pair]:
    """Where the number of each of ``dots`` stands: near it, clear of dots and other numbers."""
    found: list[Pair] = []
    for dot in dots:
        found.append(min(_around(dot), key=lambda place: _crowded(place, dots, found)))
    return found


def _around(dot: Dot) -> list[Pair]:
    """Places around ``dot`` within the drawing, the nearest first, from the upper right on."""
    x, y, radius = dot
    turns = [2 * pi * (turn / TURNS - 1 / 8) for turn in range(TURNS)]
    every = [(x + (radius + s) * cos(t), y + (radius + s) * sin(t)) for s in STEPS for t in turns]
    return [p for p in every if LEFT + 8 < p[0] < WIDTH - 8 and TOP - 8 < p[1] < FOOT - 8]


def _crowded(place: Pair, dots: list[Dot], numbers: list[Pair]) -> float:
    """By how many pixels dots and numbers are too near."""
    edges = [(x, y, radius + ROOM / 2) for x, y, radius in dots]
    taken = [*edges, *((x, y, ROOM) for x, y in numbers)]
    return sum(max(0.0, room - hypot(place[0] - x, place[1] - y)) for x, y, room in taken)


def _figure(rows: list[Row]) -> tuple[str, str]:
    annotated = any((row.get("accuracy") or {}).get("nme") is not None for row in rows)
    return ("nme", "NME, %") if annotated else ("deviation_iod_percent", "deviation, %")


def front(points: list[Pair]) -> list[Pair]:
    """Those that no other beats in both; less is better."""
    return [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]
