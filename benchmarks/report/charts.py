"""Charts of a benchmark record as SVG text, drawn by Matplotlib: latencies, endurance, trade-off.

Within a page the colours of `THEME` become variables of the page's style, so that both themes work.
The same record gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from textwrap import fill, wrap
from typing import Any

import numpy as np

from asmnet_edge.benchmarks.latency_statistics import Latency
from asmnet_edge.benchmarks.record_types import (
    RecordContent,
    RoundNote,
    SustainedPoint,
    SustainedResult,
)
from asmnet_edge.benchmarks.report.cells import Row, measured_rows
from asmnet_edge.benchmarks.report.notes import MINUTES, title
from asmnet_edge.errors import UsageError, require
from asmnet_edge.io.display import EXTRA, figure_bytes

WIDTH = (
    4.4  # inches; about as wide as a phone, so that letters are neither tiny there nor huge here
)
INK, SOFT, ACCENT, FILL, BAD = "#1d2126", "#5d6670", "#1f6f8b", "#8fc1d4", "#b3261e"
THEME = {INK: "--ink", SOFT: "--soft", ACCENT: "--accent", FILL: "--fill", BAD: "--bad"}
STYLE: Mapping[str, Any] = {
    **{"svg.fonttype": "none", "svg.hashsalt": "asmnet-edge", "font.size": 9.0},
    **{"text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": SOFT, "axes.linewidth": 0.6},
    **{"xtick.color": SOFT, "ytick.color": SOFT, "axes.spines.top": False},
    **{"axes.spines.right": False, "axes.titlesize": 9.0, "axes.titlelocation": "left"},
}
BINS = 100
LOG = 6.0  # ratio of the largest to the smallest value from which an axis is logarithmic
TRIFLE = 0.05  # share of an accuracy that an axis shows on each side, at least
LETTERS = 76  # of a line under a chart that is a separate file
AREA = "Area of a dot: size of the file."
DASHED = "Dashed: rows that no other row beats in both."
CURVES = (("p50", "p50, ms"), ("mhz", "frequency, MHz"), ("celsius", "temperature, °C"))
Pair = tuple[float, float]


@dataclass(frozen=True)
class TradeOff:
    """Chart of latency against accuracy.

    svg : the chart, a number at each dot; lines : what each number stands for, the first is 1
    reading : how to read the chart, with a remark where an axis does not begin at 0
    """

    svg: str
    lines: tuple[str, ...]
    reading: str


def distributions(rows: Sequence[Row]) -> str:
    """Chart of latencies, one strip a row, with ticks at p50, p90 and p99."""
    latencies = [Latency.of(row.latency.rounds) for row in rows]
    low = 0.97 * min(each.samples.min() for each in latencies)
    high = 1.05 * max(each.percentile(99) for each in latencies)
    with _panels(len(rows), 0.52 * len(rows) + 0.5) as (figure, axes):
        for axis, row, latency in zip(axes, rows, latencies, strict=True):
            _strip(axis, row, latency, _edges(low, high))
        axes[-1].set_xlabel(f"ms a call{_remark(low, high)}")
        return _markup(figure, "Distribution of latencies, one strip a row")


def _edges(low: float, high: float) -> Any:
    """Edges (BINS + 1,) of the histogram's bins, evenly spaced on the axis."""
    space = np.geomspace if high / low > LOG else np.linspace
    return space(low, high, BINS + 1)


def _strip(axis: Any, row: Row, latency: Latency, edges: Any) -> None:
    """One row: its name left of the strip, what lies beyond the axis at the right end."""
    counts, _ = np.histogram(latency.samples, edges)
    share = counts / max(counts.max(), 1)
    axis.fill_between((edges[:-1] + edges[1:]) / 2, share, color=FILL, linewidth=0)
    for percent, height in ((50, 0.9), (90, 0.55), (99, 0.55)):
        tick = (
            {"color": ACCENT, "linewidth": 2} if percent == 50 else {"color": INK, "linewidth": 1}
        )
        axis.vlines(latency.percentile(percent), 0, height, **tick)
    beyond = int((latency.samples > edges[-1]).sum())
    if beyond:
        words = f"{beyond} beyond, slowest {latency.samples.max():.1f}"
        axis.text(1, 1, words, transform=axis.transAxes, ha="right", va="top", size=7.5, color=SOFT)
    if edges[-1] / edges[0] > LOG:
        _logarithmic(axis.xaxis, axis.set_xscale)
    axis.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.4), yticks=[])
    axis.grid(axis="x", alpha=0.25)
    axis.spines["left"].set_visible(False)
    name = f"{fill(row.label, 16)}\n{latency.percentile(50):.2f} ms"
    axis.set_ylabel(name, rotation=0, ha="right", va="center", color=INK)


def _logarithmic(axis: Any, set_scale: Any) -> None:
    """Ticks at 1, 2 and 5 times the powers of ten, in plain numbers."""
    ticker = require("matplotlib.ticker", EXTRA)
    set_scale("log")
    axis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def endurance(label: str, sustained: SustainedResult) -> str:
    """Chart of p50 over time, and of frequency and temperature where they are known.

    Red: the board reported throttling.
    """
    points = sustained.points
    curves = [(field, name, _curve(points, field)) for field, name in CURVES]
    known = [curve for curve in curves if curve[2]]
    end = points[-1].at + points[-1].seconds
    unit, name_of_unit = (1.0, "seconds") if end < MINUTES else (60.0, "minutes")
    throttled = [point.at / unit for point in points if is_throttled(point)]
    with _panels(len(known), 1.05 * len(known) + 0.3) as (figure, axes):
        for axis, (field, name, curve) in zip(axes, known, strict=True):
            axis.plot(*zip(*((at / unit, value) for at, value in curve), strict=True),
                color=ACCENT, linewidth=1.4)  # fmt: skip
            axis.plot(throttled, [0.04] * len(throttled), "|", color=BAD, markersize=8,
                transform=axis.get_xaxis_transform())  # fmt: skip
            zoomed = _beginning(axis.get_ylim()[0]) if field == "p50" else ""
            axis.set_title(name + zoomed, color=SOFT)
        axes[-1].set(xlabel=name_of_unit, xlim=(0, end / unit))
        return _markup(figure, f"{label} over time")


def _curve(points: Sequence[SustainedPoint], field: str) -> list[Pair]:
    """Seconds and the value of ``field`` of each point that has one."""
    values = [(point.at, getattr(point, field)) for point in points]
    return [(at, value) for at, value in values if value is not None]


def is_throttled(point: RoundNote) -> bool:
    """Whether the board reported throttling at ``point`` of an endurance run."""
    return bool((point.throttled or 0) & 0xF)


def trade_off(rows: Sequence[Row]) -> TradeOff | None:
    """Chart of latency against NME, or against deviation where no row has an NME.

    None where fewer than two rows have one.
    """
    if not (spots := _spots(rows)):
        return None
    with _panels(1, 2.7) as (figure, (axis,)):
        _draw_trade_off(axis, spots, _accuracy(rows)[1])
        svg = _markup(figure, "Latency against accuracy")
    return TradeOff(svg, _lines(spots, rows), _reading(spots))


def trade_off_alone(record: RecordContent) -> str:
    """`trade_off` of all rows as an SVG file, its legend below the chart.

    `UsageError` where fewer than two rows have an accuracy.
    """
    rows = measured_rows(record)
    if not (spots := _spots(rows)):
        raise UsageError(
            "speed against accuracy is drawn of two rows or more",
            "Benchmark two artifacts with --data, or with the float model",
        )
    legend = [f"{number}  {line}" for number, line in enumerate(_lines(spots, rows), start=1)]
    lines = [*wrap(title(record), LETTERS), *wrap(_reading(spots), LETTERS), *legend]
    with _panels(1, 2.9 + 0.17 * len(lines)) as (figure, (axis,)):
        _draw_trade_off(axis, spots, _accuracy(rows)[1])
        axis.annotate("\n".join(lines), (0, 0), (-34, -34), "axes fraction", "offset points",
            va="top", size=7.5, linespacing=1.5, annotation_clip=False)  # fmt: skip
        return figure_bytes(figure, "svg").decode()


def _spots(rows: Sequence[Row]) -> list[tuple[Row, Pair]]:
    """Rows with an accuracy, each with p50 in ms and that accuracy in %; empty for fewer than 2."""
    field, _ = _accuracy(rows)
    values = [(row, getattr(row.case.figures, field)) for row in rows]
    found = [(row, (row.latency.p50, float(v))) for row, v in values if v is not None]
    return found if len(found) > 1 else []


def _accuracy(rows: Sequence[Row]) -> tuple[str, str]:
    """Field of `AccuracyResult` and name of what is drawn against latency."""
    annotated = any(row.case.figures.nme is not None for row in rows)
    return ("nme", "NME, %") if annotated else ("deviation_iod_percent", "deviation, %")


def _lines(spots: Sequence[tuple[Row, Pair]], rows: Sequence[Row]) -> tuple[str, ...]:
    name = _accuracy(rows)[1].removesuffix(", %")
    return tuple(f"{row.label}: {x:.2f} ms, {name} {y:.2f} %" for row, (x, y) in spots)


def _reading(spots: Sequence[tuple[Row, Pair]]) -> str:
    low, high = accuracy_limits([y for _, (_, y) in spots])
    zoomed = f"The vertical axis shows {low:.2f} to {high:.2f} only." if low else ""
    joined = DASHED if len(front([spot for _, spot in spots])) > 1 else ""
    return " ".join(filter(None, ("Lower left is better.", AREA, joined, zoomed)))


def _draw_trade_off(axis: Any, spots: Sequence[tuple[Row, Pair]], name: str) -> None:
    xs, ys = np.array([spot for _, spot in spots]).T
    sizes = np.array([row.case.bytes or 0 for row, _ in spots], float)
    axis.scatter(xs, ys, 20 + 240 * sizes / sizes.max(), FILL, alpha=0.55, edgecolors=ACCENT,
        clip_on=False)  # fmt: skip
    joined = sorted(front([spot for _, spot in spots]))
    axis.plot(*zip(*joined, strict=True), "--", color=ACCENT, linewidth=1)
    low, high = accuracy_limits(ys.tolist())
    if xs.max() / xs.min() > LOG:
        _logarithmic(axis.xaxis, axis.set_xscale)
        axis.set_xlim(0.7 * xs.min(), 1.4 * xs.max())
    else:
        axis.set_xlim(0, 1.15 * xs.max())
    axis.set(ylim=(low, high), xlabel=f"p50, ms{_remark(*axis.get_xlim())}")
    axis.set_title(name + _beginning(low), color=SOFT, pad=18)
    _number_dots(axis, spots)


def _number_dots(axis: Any, spots: Sequence[tuple[Row, Pair]]) -> None:
    """Write each dot's number above the chart, in the dots' order from left to right.

    Numbers beside the dots would lie on one another where dots do.
    """
    order = sorted(range(len(spots)), key=lambda k: spots[k][1])
    to_share = axis.transData + axis.transAxes.inverted()
    wanted = [float(to_share.transform(spots[k][1])[0]) for k in order]
    for k, place in zip(order, spread(wanted, 0.055), strict=True):
        axis.annotate(
            str(k + 1), spots[k][1], (place, 1.02), textcoords="axes fraction", ha="center",
            fontweight="bold", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.6, "shrinkA": 0},
        )  # fmt: skip


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move the ascending ``places`` of 0 to 1 apart, until neighbours differ by ``gap`` or more."""
    gap = min(gap, 1 / max(len(places) - 1, 1))
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + gap) if found else max(place, 0.0))
    found[-1] = min(found[-1], 1.0)
    for k in range(len(found) - 2, -1, -1):
        found[k] = min(found[k], found[k + 1] - gap)
    return found


def accuracy_limits(values: Sequence[float]) -> Pair:
    """Ends of an axis of accuracies: from 0, unless all would crowd at its far end.

    Accuracies that are nearly the same look so: the axis shows `TRIFLE` on each side at least.
    """
    low, high = min(values), max(values)
    pad = max(0.1 * (high - low), TRIFLE * high) or 1
    return (low - pad if low > 0.5 * high else 0.0), high + pad


def front(points: Sequence[Pair]) -> list[Pair]:
    """Those of ``points`` that no other beats in both numbers; less is better."""
    return [p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)]


def _remark(low: float, high: float) -> str:
    """What a reader must know of an axis of latencies: logarithmic, or not from 0."""
    return " (logarithmic)" if low > 0 and high / low > LOG else _beginning(low)


def _beginning(low: float) -> str:
    """Where a linear axis begins, if not at 0."""
    return f" (axis begins at {low:.3g}, not at 0)" if low > 0 else ""


@contextmanager
def _panels(count: int, height: float) -> Iterator[tuple[Any, list[Any]]]:
    """A figure of ``count`` panels one below another that share their horizontal axis."""
    with require("matplotlib", EXTRA).rc_context(dict(STYLE)):
        figure = require("matplotlib.figure", EXTRA).Figure((WIDTH, height), layout="constrained")
        yield figure, list(figure.subplots(count, 1, sharex=True, squeeze=False).flat)


def _markup(figure: Any, name: str) -> str:
    """Return ``figure`` as an SVG element for within a page; ``name`` is for screen readers."""
    figure.patch.set_visible(False)
    for axis in figure.axes:
        axis.patch.set_visible(False)
    text = figure_bytes(figure, "svg").decode()
    box = re.search(r'viewBox="[^"]*"', text)
    inside = text[text.index(">", text.index("<svg")) + 1 :]
    inside = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", inside, flags=re.DOTALL)
    inside = re.sub(r'<g id="[^"]*">', "<g>", inside)  # ids that nothing refers to
    inside = re.sub(r"(font: [^']*px) '[^;\"]*", r"\1 system-ui, sans-serif", inside)
    for colour, variable in THEME.items():
        inside = inside.replace(colour, f"var({variable})")
    head = f'<svg {box.group() if box else ""} role="img" aria-label="{escape(name)}">'
    return head + inside.strip()
