"""Figures as Markdown: tables, intervals, names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose columns are to the right, all but the first."""
    ruler = ["---", *("--:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *rows))


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """``value`` rounded; ``sign`` writes a plus, too. What rounds to nothing has no minus."""
    value = round(value, digits) + 0.0
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def between(interval: Sequence[float], digits: int = 2, sign: bool = False) -> str:
    """``4.62 to 5.02``"""
    return " to ".join(number(end, digits, sign) for end in interval)


def sure(value: float, interval: Sequence[float], digits: int = 2, sign: bool = False) -> str:
    """``4.81 (4.62 to 5.02)``"""
    return f"{number(value, digits, sign)} ({between(interval, digits, sign)})"


def percent(share: float, digits: int = 1) -> str:
    return number(100 * share, digits)


def code(text: object) -> str:
    return f"`{text}`"


def short(sha256: str) -> str:
    return code(sha256[:12])


def subset(name: str) -> str:
    return f"*{name}*"


def block(*parts: str) -> str:
    """``parts`` as paragraphs; empty ones are left out."""
    return "\n\n".join(part for part in parts if part)


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)
