"""The report's drawings of latency: distributions, trade-off, endurance."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.latency.figures import Latency
from asmnet_edge.benchmarks.report.cells import label
from asmnet_edge.benchmarks.report.svg import Axis, Drawing

WIDTH, LEFT, RIGHT = 480.0, 46.0, 14.0
BAND = 40.0  # height of one row's distribution
BINS = 120
Row = dict[str, Any]


def distributions(rows: list[Row]) -> str:
    """Each row's samples as a hump, its p50, p90 and p99 as ticks; none is cut off unsaid."""
    latencies = [Latency.of(row["latency_ms"]["rounds"]) for row in rows]
    low = min(each.samples.min() for each in latencies)
    high = 1.05 * max(each.percentile(99) for each in latencies)
    axis = Axis((low * 0.97, high), (12, WIDTH - RIGHT), log=high / low > 6)
    height = BAND * len(rows) + 44
    drawing = Drawing(WIDTH, height, "Distribution of latencies, one hump a row")
    for number, (row, latency) in enumerate(zip(rows, latencies, strict=True)):
        _hump(drawing, axis, BAND * (number + 1), row, latency)
    words = f"ms a call{', log' if axis.log else ''}; marks at p50, p90, p99"
    drawing.axis_below(axis, BAND * len(rows) + 4, words)
    return drawing.markup()


def _hump(drawing: Drawing, axis: Axis, base: float, row: Row, latency: Latency) -> None:
    places = np.array([axis(value) for value in latency.samples])
    start, end = axis.pixels
    counts, edges = np.histogram(places[places <= end], BINS, (start, end))
    tops = base - (BAND - 18) * counts / max(counts.max(), 1)
    middles = (edges[:-1] + edges[1:]) / 2
    points = [(start, base), *zip(middles.tolist(), tops.tolist(), strict=True), (end, base)]
    drawing.path(points, "hump", closed=True)
    for percent in (50, 90, 99):
        x = axis(latency.percentile(percent))
        drawing.line((x, base), (x, base - (12 if percent == 50 else 7)), f"mark p{percent}")
    beyond = int((places > end).sum())
    slowest = f", {beyond} beyond, slowest {latency.samples.max():.1f} ms" if beyond else ""
    words = f"{label(row)}: p50 {latency.percentile(50):.2f}{slowest}"
    drawing.text(WIDTH - RIGHT, base - BAND + 14, words, "name", "end")


def trade_off(rows: list[Row]) -> str:
    """Latency against NME or, without annotations, deviation; area by size; the front joined."""
    figure, words = _figure(rows)
    points = [(row, (row.get("accuracy") or {}).get(figure)) for row in rows]
    known = [(row, float(value)) for row, value in points if value is not None]
    if len(known) < 2:
        return ""
    speeds, values = [r["latency_ms"]["p50"] for r, _ in known], [v for _, v in known]
    pad = 0.08 * (max(values) - min(values) or 1)
    log = max(speeds) / min(speeds) > 6
    ends = (0.8 * min(speeds) if log else 0, 1.15 * max(speeds))
    x = Axis(ends, (LEFT, WIDTH - RIGHT), log)
    y = Axis((min(values) - pad, max(values) + pad), (250, 30))
    drawing = Drawing(WIDTH, 300, f"{words} against latency")
    front = sorted(_front(list(zip(speeds, values, strict=True))))
    drawing.path([(x(a), y(b)) for a, b in front], "front")
    largest = max(row["bytes"] for row, _ in known)
    for number, (row, value) in enumerate(known, start=1):
        p50, share = row["latency_ms"]["p50"], (row["bytes"] / largest) ** 0.5
        told = f"{label(row)}: {p50:.2f} ms, {value:.3f}, {row['bytes'] / 1e6:.2f} MB"
        drawing.circle(x(p50), y(value), 4 + 10 * share, "dot", told)
        drawing.text(x(p50), y(value) + 4, str(number), "number", "middle")
    drawing.axis_below(x, 254, "p50, ms" + (", log" if log else ""))
    drawing.axis_left(y, LEFT, words)
    return drawing.markup() + _key([row for row, _ in known])


def _key(rows: list[Row]) -> str:
    items = "".join(f"<li>{escape(label(row))}</li>" for row in rows)
    return f'<ol class="key">{items}</ol>'


def _figure(rows: list[Row]) -> tuple[str, str]:
    annotated = any((row.get("accuracy") or {}).get("nme") is not None for row in rows)
    return ("nme", "NME, %") if annotated else ("deviation_iod_percent", "deviation, %")


def _front(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those that no other beats in both; less is better."""
    return [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]


CURVES = (("p50", "p50, ms"), ("mhz", "frequency, MHz"), ("celsius", "temperature, °C"))


def endurance(row: Row) -> str:
    """p50 over time, and frequency and temperature where the machine tells them."""
    points = row["sustained"]["points"]
    told = [(key, words) for key, words in CURVES if any(p.get(key) is not None for p in points)]
    end = points[-1]["at"] + points[-1]["seconds"]
    time = Axis((0, end / 60), (LEFT, WIDTH - RIGHT))
    drawing = Drawing(WIDTH, 110.0 * len(told) + 40, f"{label(row)} over time")
    for number, (key, words) in enumerate(told):
        values = [(p["at"] / 60, float(p[key])) for p in points if p.get(key) is not None]
        low, high = min(v for _, v in values), max(v for _, v in values)
        pad = 0.1 * (high - low) or 0.05 * abs(high) or 1
        y = Axis((low - pad, high + pad), (110.0 * (number + 1) - 6, 110.0 * number + 22))
        drawing.axis_left(y, LEFT, words)
        drawing.path([(time(t), y(v)) for t, v in values], "curve")
        _flags(drawing, time, y, points)
    drawing.axis_below(time, 110.0 * len(told) - 2, "minutes")
    return drawing.markup()


def _flags(drawing: Drawing, time: Axis, y: Axis, points: list[dict[str, Any]]) -> None:
    """A red foot where the board said that it throttles."""
    for point in points:
        if (point.get("throttled") or 0) & 0xF:
            x, foot = time(point["at"] / 60), y.pixels[0]
            drawing.line((x, foot), (x, foot - 8), "bad")
