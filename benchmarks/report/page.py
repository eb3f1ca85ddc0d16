"""A record as an HTML page that fetches nothing, as Markdown, and as CSV.

Page and Markdown are Jinja2 templates in ``templates/``; what they show is gathered here.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.record_json import to_json
from asmnet_edge.benchmarks.record_types import CaseResult, RecordContent
from asmnet_edge.benchmarks.report import charts, face_charts
from asmnet_edge.benchmarks.report.cells import Row, measured_rows, rows_of
from asmnet_edge.benchmarks.report.notes import (
    device_lines,
    doubts,
    duration,
    endurance_in_words,
    how_measured,
    notes,
    title,
)
from asmnet_edge.benchmarks.report.summary import GLOSSARY, command, conclusion
from asmnet_edge.benchmarks.report.tables import (
    Lines,
    accuracy_lines,
    package_lines,
    speed_lines,
    start_lines,
)
from asmnet_edge.errors import require
from asmnet_edge.geometry.schemes import IBUG68
from asmnet_edge.io.display import EXTRA

TEMPLATES = Path(__file__).with_name("templates")
COLUMNS = (
    *("key", "name", "format", "precision", "runtime", "threads", "cpus", "bytes"),
    *("parameters", "multiply_adds", "unsteady", "error"),
)


def page(record: RecordContent) -> str:
    """Return ``record`` as one HTML page: no script, all drawings within."""
    drawn = _drawings(record) if record.measured else {}
    return _render(template_environment(html=True), "page.html", {**_content(record), **drawn})


def markdown(record: RecordContent) -> str:
    """Return the conclusion and tables of ``record``, their notes and how they came about."""
    return _render(template_environment(), "report.md", _content(record))


def template_environment(html: bool = False) -> Any:
    """Jinja2 with the templates of this package; an unknown name in one is an error.

    `MissingExtraError` where Jinja2 is not installed.
    """
    jinja2 = require("jinja2", EXTRA)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=html,
        undefined=jinja2.StrictUndefined,
        **dict.fromkeys(("trim_blocks", "lstrip_blocks", "keep_trailing_newline"), True),
    )
    environment.filters["hint"] = hint
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")
    return environment


def _render(environment: Any, name: str, content: dict[str, Any]) -> str:
    text: str = environment.get_template(name).render(content)
    return text


def hint(column: str) -> str:
    """Return the entry of the glossary for a table's ``column``, empty if there is none."""
    first = column.split("@")[0].split("[")[0].removesuffix("%").removesuffix("°").strip()
    entries = ((word, text) for term, text in GLOSSARY.items() for word in term.split(", "))
    found = (text for word, text in entries if first in (word, word.split("@")[0]))
    return "" if first == "p50 ms" else next(found, "")


def _content(record: RecordContent) -> dict[str, Any]:
    """What page and Markdown have in common."""
    tables = {
        "Speed (ms) and size": speed_lines(record),
        "Accuracy": accuracy_lines(record),
        "End to end and start (ms)": start_lines(record),
    }
    reached = conclusion(record)
    return {
        "record": record,
        "title": title(record),
        "date": record.taken[:16].replace("T", " "),
        "conclusion": reached,
        "best": reached.best.label if reached.best else "",
        "tables": {name: lines for name, lines in tables.items() if lines and record.measured},
        "failed": record.failed,
        "doubts": doubts(record),
        "alarming": _is_alarming(record, reached.best),
        "notes": [note for note in notes(record) if not note.startswith("~")],
        "how": how_measured(record),
        "command": command(record),
        "glossary": GLOSSARY,
        "device": device_lines(record),
        **dict.fromkeys(("distributions", "trade_off", "packages", "regions"), None),
        **{"endurance": [], "portraits": {}},
    }


def _is_alarming(record: RecordContent, best: Row | None) -> bool:
    """Whether doubts concern the whole run or the row that the conclusion names."""
    return bool(record.interrupted or record.warnings or (best and best.case.unsteady))


def _drawings(record: RecordContent) -> dict[str, Any]:
    """Charts and faces of the page."""
    rows, scheme = measured_rows(record), record.settings.faces.scheme or IBUG68.name
    labels = {row.case.key: row.label for row in rows_of(record)}
    return {
        "distributions": charts.distributions(rows),
        "trade_off": charts.trade_off(rows),
        "endurance": _endurance(rows),
        "packages": package_lines(record),
        "regions": _regions(rows, scheme),
        "portraits": face_charts.portraits(record.portraits, scheme, labels),
        "side": face_charts.SIDE,
    }


def _regions(rows: list[Row], scheme: str) -> dict[str, Any] | None:
    lines: Lines = face_charts.region_lines(rows)
    faces = face_charts.region_faces(rows, scheme)
    legend = face_charts.shade_legend() if faces else []
    return {"lines": lines, "faces": faces, "legend": legend} if lines else None


def _endurance(rows: list[Row]) -> list[tuple[str, str]]:
    """Heading and chart of each sustained run."""
    found = [(row, row.case.sustained) for row in rows]
    return [
        (
            f"{row.label}, {duration(result.seconds)}: {endurance_in_words(result)}",
            charts.endurance(row.label, result),
        )
        for row, result in found
        if result
    ]


def comma_separated(record: RecordContent) -> str:
    """Return a CSV line for each row, failed ones too, with all figures unrounded."""
    rows = [_flat_row(case) for case in record.results]
    names = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat_row(case: CaseResult) -> dict[str, Any]:
    flat: dict[str, Any] = {name: getattr(case, name) for name in COLUMNS}
    flat["cpus"] = " ".join(map(str, case.cpus or ()))
    flat["unsteady"] = "; ".join(case.unsteady or ())
    for part in ("latency_ms", "accuracy", "stages_ms", "cold_start"):
        _flatten(part, to_json(getattr(case, part)) or {}, flat)
    return flat


def _flatten(name: str, content: Any, flat: dict[str, Any]) -> None:
    """Add ``accuracy.jitter.faces`` and the like; of lists only intervals, as low and high."""
    if isinstance(content, dict):
        for key, value in content.items():
            _flatten(f"{name}.{key}", value, flat)
    elif isinstance(content, list) and len(content) == 2 and "interval" in name:
        flat[f"{name}.low"], flat[f"{name}.high"] = content
    elif not isinstance(content, list):
        flat[name] = content
