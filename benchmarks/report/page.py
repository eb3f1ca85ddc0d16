"""A record as one HTML page: no script, nothing fetched, all drawings inside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report import charts, faces
from asmnet_edge.benchmarks.report.cells import label, labelled
from asmnet_edge.benchmarks.report.grid import accuracy_grid, felt_grid, size_grid, speed_grid
from asmnet_edge.benchmarks.report.notes import doubts, duration, endured, notes, title
from asmnet_edge.benchmarks.report.style import STYLE
from asmnet_edge.benchmarks.report.tradeoff import trade_off
from asmnet_edge.benchmarks.report.words import device_lines, how_measured

Lines = Sequence[Sequence[str]]
FEW = 4  # reasons for doubt that are shown unfolded


def page(record: BenchmarkRecord) -> str:
    """The whole page."""
    record = labelled(record)
    name = f"Benchmark: {title(record)}"
    body = "".join(_sections(record))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(name)}</title>'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _sections(record: BenchmarkRecord) -> list[str]:
    content, measured = record.content, record.measured
    scheme = content["settings"]["faces"].get("scheme", "ibug68")
    parts = [
        f"<h1>{escape(title(record))}</h1>",
        f'<p class="soft">taken {escape(content["taken"])}, asmnet-edge '
        f"{escape(content['asmnet_edge'])}, {escape(content['settings']['kind'])} run</p>",
        _doubts(doubts(record)),
        _failures(record),
    ]
    if measured:
        parts += [
            _optional("Speed and size", speed_grid(record)),
            _optional("Accuracy", accuracy_grid(record)),
            _optional("As a user feels it", felt_grid(record)),
            _drawings(measured),
            _endurance(measured),
            _faces(record, scheme),
            _optional("What has to be installed", size_grid(record), 2),
        ]
    return [*parts, *_ending(record)]


def _drawings(measured: list[dict[str, Any]]) -> str:
    cards = [
        _card("Latency, all samples", charts.distributions(measured)),
        _card("Speed, size, accuracy", trade_off(measured)),
    ]
    return f'<h2>Latency</h2><div class="grid">{"".join(cards)}</div>'


def _endurance(measured: list[dict[str, Any]]) -> str:
    lasting = [row for row in measured if row.get("sustained")]
    cards = []
    for row in lasting:
        told = row["sustained"]
        words = f"{label(row)}, {duration(told['seconds'])}: {endured(told)}"
        cards.append(_card(words, charts.endurance(row)))
    return f'<h2>Sustained</h2><div class="grid">{"".join(cards)}</div>' if cards else ""


def _faces(record: BenchmarkRecord, scheme: str) -> str:
    parts: list[str] = []
    if lines := faces.region_table(record.measured):
        drawn = faces.regions(record.measured, scheme)
        parts += ["<h2>Deviation by region</h2>", drawn, _table(lines)]
    if told := record.content["portraits"]:
        words = "The faces that were moved most: float model green, artifact red."
        names = {row["key"]: label(row) for row in record.results}
        drawn = faces.portraits(told, scheme, names)
        parts.append(f'<h2>Worst faces</h2><p class="soft">{words}</p>{drawn}')
    return "".join(parts)


def _ending(record: BenchmarkRecord) -> list[str]:
    notes_list = "".join(f"<li>{escape(n)}</li>" for n in notes(record) if not n.startswith("~"))
    how = "".join(f"<p>{escape(line)}</p>" for line in how_measured(record))
    device = _table(device_lines(record), 0, head=False)
    return [
        f"<h2>Device</h2>{device}",
        f'<h2>How it was measured</h2>{how}<ul class="soft">{notes_list}</ul>',
    ]


def _doubts(lines: Sequence[str]) -> str:
    """Folded away where there are many: the marks in the table say which rows are meant."""
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    count = f"{len(lines)} doubt{'s' if len(lines) > 1 else ''}"
    head = f"<strong>Read with care</strong>: {count}; ~ marks rows that were unsteady"
    unfolded = " open" if len(lines) <= FEW else ""
    return f'<details class="doubts"{unfolded}><summary>{head}</summary><ul>{items}</ul></details>'


def _failures(record: BenchmarkRecord) -> str:
    return "".join(
        f'<p class="failed">{escape(row["key"])}: {escape(str(row["error"]))}</p>'
        for row in record.failed
    )


def _optional(heading: str, lines: Lines, words: int | None = None) -> str:
    return f"<h2>{escape(heading)}</h2>{_table(lines, words)}" if lines else ""


def _card(heading: str, drawing: str) -> str:
    return f'<div class="card"><h3>{escape(heading)}</h3>{drawing}</div>' if drawing else ""


def _table(lines: Lines, words: int | None = None, head: bool = True) -> str:
    """words : the first column that has words, which may be folded, instead of numbers"""
    top = f"<thead>{_line(lines[0], 'th', words)}</thead>" if head else ""
    rows = "".join(_line(line, "td", words) for line in (lines[1:] if head else lines))
    return f'<div class="scroll"><table>{top}<tbody>{rows}</tbody></table></div>'


def _line(cells: Sequence[str], tag: str, words: int | None) -> str:
    kinds = [
        ' class="words"' if words is not None and n >= words else "" for n in range(len(cells))
    ]
    pairs = zip(cells, kinds, strict=True)
    return f"<tr>{''.join(f'<{tag}{kind}>{escape(cell)}</{tag}>' for cell, kind in pairs)}</tr>"
