"""Drawings as SVG text: no library, colours from the page's style, so both themes work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

Pair = tuple[float, float]
SCALE = 1.6  # of a file of its own: wide enough not to be styled for a phone


@dataclass(frozen=True)
class Axis:
    """A range of values laid onto a range of pixels, linear or logarithmic."""

    values: Pair
    pixels: Pair
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = map(self._scaled, self.values)
        share = (self._scaled(value) - low) / (high - low or 1)
        return self.pixels[0] + share * (self.pixels[1] - self.pixels[0])

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.log else value

    @property
    def remark(self) -> str:
        """What a reader must know of it: it is logarithmic, or does not begin at 0."""
        low = min(self.values)
        if self.log:
            return " (log)"
        return f" (begins at {low:.4g}, not at 0)" if low > 0 else ""

    def ticks(self, count: int = 5) -> list[float]:
        """Round values within the range: 1, 2 or 5 times a power of ten."""
        low, high = self.values
        if self.log:
            powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            found = [m * 10.0**p for p in powers for m in (1, 2, 5)]
            return [value for value in found if low <= value <= high]
        rough = (high - low or 1) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first = math.ceil(low / step - 1e-9)
        return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass
class Drawing:
    """SVG elements in a box of ``width`` x ``height`` pixels; label : for screen readers."""

    width: float
    height: float
    label: str
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">'
            f"{escape(words)}</text>"
        )

    def line(self, start: Pair, end: Pair, kind: str = "") -> None:
        (x1, y1), (x2, y2) = start, end
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'
        )

    def circle(self, x: float, y: float, radius: float, kind: str = "", words: str = "") -> None:
        title = f"<title>{escape(words)}</title>" if words else ""
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="{kind}">{title}</circle>'
        )

    def path(self, points: Sequence[Pair], kind: str = "", closed: bool = False) -> None:
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        name = "polygon" if closed else "polyline"
        self.parts.append(f'<{name} points="{drawn}" class="{kind}"/>')

    def raw(self, element: str) -> None:
        self.parts.append(element)

    def axis_below(self, axis: Axis, y: float, words: str) -> None:
        """Ticks and their numbers under ``y``."""
        self.line((axis.pixels[0], y), (axis.pixels[1], y), "axis")
        for value in axis.ticks():
            self.line((axis(value), y), (axis(value), y + 4), "axis")
            self.text(axis(value), y + 16, f"{value:g}", "tick", "middle")
        middle = (axis.pixels[0] + axis.pixels[1]) / 2
        self.text(middle, y + 32, words + axis.remark, "tick", "middle")

    def axis_left(self, axis: Axis, x: float, words: str) -> None:
        """Ticks and their numbers left of ``x``; ``words`` on top."""
        self.line((x, axis.pixels[0]), (x, axis.pixels[1]), "axis")
        for value in axis.ticks():
            self.line((x - 4, axis(value)), (x, axis(value)), "axis")
            self.text(x - 7, axis(value) + 4, f"{value:g}", "tick", "end")
        self.text(4, min(axis.pixels) - 12, words + axis.remark, "tick")

    def markup(self) -> str:
        """For within a page, which has the style."""
        return self._element("".join(self.parts))

    def file(self, style: str) -> str:
        """A file of its own, on paper, with ``style`` in it."""
        size = f'xmlns="http://www.w3.org/2000/svg" width="{SCALE * self.width:.0f}"'
        paper = '<rect width="100%" height="100%" fill="var(--paper)"/>'
        inside = "".join(self.parts)
        return self._element(f"<style>{style}</style>{paper}{inside}", size + " ") + "\n"

    def _element(self, inside: str, more: str = "") -> str:
        return (
            f'<svg {more}viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img" '
            f'aria-label="{escape(self.label, quote=True)}">{inside}</svg>'
        )
