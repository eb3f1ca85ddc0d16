"""The report's drawings of latency: distributions and endurance."""

from __future__ import annotations

from typing import Any

import numpy as np

from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.report.cells import label
from asmnet_edge.benchmarks.report.notes import MINUTES
from asmnet_edge.benchmarks.report.svg import Axis, Drawing

WIDTH, LEFT, RIGHT = 480.0, 46.0, 14.0
BAND, HUMP, NAME = 54.0, 24.0, 31.0  # of one row: in all, its hump, its name above the base line
BINS = 120
Row = dict[str, Any]


def distributions(rows: list[Row]) -> str:
    """Each row's samples as a hump, its p50, p90 and p99 as ticks; none is cut off unsaid."""
    latencies = [Latency.of(row["latency_ms"]["rounds"]) for row in rows]
    low = min(each.samples.min() for each in latencies)
    high = 1.05 * max(each.percentile(99) for each in latencies)
    axis = Axis((low * 0.97, high), (12, WIDTH - RIGHT), log=high / low > 6)
    height = BAND * len(rows) + 40
    drawing = Drawing(WIDTH, height, "Distribution of latencies, one hump a row")
    for number, (row, latency) in enumerate(zip(rows, latencies, strict=True)):
        _hump(drawing, axis, BAND * (number + 1) - 12, row, latency)
    drawing.axis_below(axis, BAND * len(rows), "ms a call, marks at p50, p90, p99")
    return drawing.markup()


def _hump(drawing: Drawing, axis: Axis, base: float, row: Row, latency: Latency) -> None:
    places = np.array([axis(value) for value in latency.samples])
    start, end = axis.pixels
    counts, edges = np.histogram(places[places <= end], BINS, (start, end))
    tops = base - HUMP * counts / max(counts.max(), 1)
    middles = (edges[:-1] + edges[1:]) / 2
    points = [(start, base), *zip(middles.tolist(), tops.tolist(), strict=True), (end, base)]
    drawing.path(points, "hump", closed=True)
    drawing.line((start, base), (end, base), "base")
    for percent in (50, 90, 99):
        x = axis(latency.percentile(percent))
        drawing.line((x, base), (x, base - (12 if percent == 50 else 7)), f"mark p{percent}")
    beyond = int((places > end).sum())
    slowest = f", {beyond} beyond, slowest {latency.samples.max():.1f} ms" if beyond else ""
    words = f"{label(row)}: p50 {latency.percentile(50):.2f}{slowest}"
    drawing.text(start, base - NAME, words, "name")


CURVES = (("p50", "p50, ms"), ("mhz", "frequency, MHz"), ("celsius", "temperature, °C"))


def endurance(row: Row) -> str:
    """p50 over time, and frequency and temperature where the machine tells them."""
    points = row["sustained"]["points"]
    told = [(key, words) for key, words in CURVES if any(p.get(key) is not None for p in points)]
    end = points[-1]["at"] + points[-1]["seconds"]
    unit, words_of_time = (1.0, "seconds") if end < MINUTES else (60.0, "minutes")
    time = Axis((0, end / unit), (LEFT, WIDTH - RIGHT))
    drawing = Drawing(WIDTH, 110.0 * len(told) + 40, f"{label(row)} over time")
    for number, (key, words) in enumerate(told):
        values = [(p["at"] / unit, float(p[key])) for p in points if p.get(key) is not None]
        low, high = min(v for _, v in values), max(v for _, v in values)
        pad = 0.1 * (high - low) or 0.05 * abs(high) or 1
        y = Axis((low - pad, high + pad), (110.0 * (number + 1) - 6, 110.0 * number + 26))
        drawing.axis_left(y, LEFT, words)
        drawing.path([(time(t), y(v)) for t, v in values], "curve")
        _flags(drawing, [time(p["at"] / unit) for p in points if throttled(p)], y)
    drawing.axis_below(time, 110.0 * len(told) - 2, words_of_time)
    return drawing.markup()


def throttled(point: dict[str, Any]) -> bool:
    """Whether the board said so."""
    return bool((point.get("throttled") or 0) & 0xF)


def _flags(drawing: Drawing, places: list[float], y: Axis) -> None:
    """A red foot at each of ``places``."""
    foot = y.pixels[0]
    for x in places:
        drawing.line((x, foot), (x, foot - 8), "bad")
