"""A page of benchmark records, board by board, for the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.record_types import RecordContent
from asmnet_edge.benchmarks.report import cells
from asmnet_edge.benchmarks.report.cells import Row, measured_rows
from asmnet_edge.benchmarks.report.notes import doubts
from asmnet_edge.benchmarks.report.page import template_environment
from asmnet_edge.benchmarks.report.summary import GLOSSARY, conclusion
from asmnet_edge.errors import DataError

HEADER = ("file", "runtime", "threads", "MB", "p50 ms", "p90", "NME %", "drop", "deviation %")
TERMS = ("p50, p90, p99", "~", "±", "NME", "drop", "deviation")


def read_records(folder: Path) -> list[tuple[str, RecordContent]]:
    """Name and content of each JSON record in ``folder``.

    `DataError` if there is none, or if one holds faces: those may not be published with it.
    """
    found = [
        (path.name, BenchmarkRecord.load(path).typed) for path in sorted(folder.glob("*.json"))
    ]
    if not found:
        raise DataError(
            f"{folder} holds no benchmark record",
            "Put a file there that asmnet-edge benchmark run --output FILE.json wrote",
        )
    for name, record in found:
        if record.portraits:
            raise DataError(f"{name} holds faces", "Measure again without --pictures")
    return found


def boards_page(records: Sequence[tuple[str, RecordContent]], link: str) -> str:
    """Return ``records`` as Markdown, sorted by board and date.

    link : of the folder of the records, as seen from the page
    """
    ordered = sorted(records, key=_place)
    names = dict.fromkeys(record.device.name for _, record in ordered)
    groups = [(n, [_entry(f, r) for f, r in ordered if r.device.name == n]) for n in names]
    terms = [(term, GLOSSARY[term]) for term in TERMS]
    content = {"groups": groups, "header": HEADER, "link": link, "terms": terms}
    text: str = template_environment().get_template("boards.md").render(content)
    return text


def _place(pair: tuple[str, RecordContent]) -> tuple[str, str]:
    """Board and date: where a record stands on the page."""
    _, record = pair
    return record.device.name.lower(), record.taken


def _entry(file: str, record: RecordContent) -> dict[str, Any]:
    device, faces = record.device, record.settings.faces
    machine = [f"{device.cores} cores", *device.features, device.os]
    return {
        "file": file,
        "date": record.taken[:10],
        "version": record.asmnet_edge,
        "machine": ", ".join(filter(None, machine)),
        "faces": f"{faces.count} faces of {faces.on}" + " (drawn)" * faces.are_drawn,
        "conclusion": conclusion(record).sentence,
        "lines": [_line(row) for row in measured_rows(record)],
        "doubts": doubts(record),
    }


def _line(row: Row) -> list[str]:
    """The cells of ``row`` below `HEADER`."""
    case = row.case
    facts = [case.file_name, case.runtime or "", str(case.threads or "")]
    latency = [cells.megabytes(row), cells.p50(row), cells.percentile(row, "p90")]
    return [*facts, *latency, cells.nme(row), cells.drop(row), cells.deviation(row)]
