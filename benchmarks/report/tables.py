"""A record as tables for a terminal, for pages and files, and as a plain block of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asmnet_edge.benchmarks.evaluation_faces import FAILURE
from asmnet_edge.benchmarks.record_types import RecordContent
from asmnet_edge.benchmarks.report import cells
from asmnet_edge.benchmarks.report.cells import Row, measured_rows, rows_of
from asmnet_edge.benchmarks.report.notes import faces_line, notes, title
from asmnet_edge.benchmarks.report.summary import command, conclusion
from asmnet_edge.io.display import table

Cell = Callable[[Row], str]
Columns = Mapping[str, Cell]
Lines = list[list[str]]  # header first


def tables(record: RecordContent) -> Group:
    """Tables for a terminal, rows as in the record; ``~`` marks an unsteady latency."""
    speed = _table(record, speed_columns(record))
    parts: list[RenderableType] = [Text(title(record), style="bold"), speed]
    for columns in (accuracy_columns(record), start_columns(record)):
        if columns:
            parts.append(_table(record, columns))
    sentence = Text(f"\n{conclusion(record).sentence}", style="bold")
    return Group(*parts, Text("\n".join(notes(record))), sentence)


def speed_columns(record: RecordContent, wide: bool = False) -> dict[str, Cell]:
    """Columns of speed and size; ``wide``: with the intervals of p90 and p99."""
    percentile = cells.percentile_known if wide else cells.percentile
    return {
        "MB": cells.megabytes,
        "int8 ops": cells.int8_share,
        "p50 ms": cells.p50,
        "p90": lambda row: percentile(row, "p90"),
        "p99": lambda row: percentile(row, "p99"),
        "mean": lambda row: cells.percentile(row, "mean"),
        "calls/s": cells.per_second,
    }


def accuracy_columns(record: RecordContent, wide: bool = False) -> dict[str, Cell]:
    """Columns of the accuracies that any row has; empty without accuracy. wide : with AUC"""
    threshold = 100 * (record.settings.faces.failure_threshold or FAILURE)
    every: dict[str, Cell] = {
        "NME %": cells.nme,
        "drop [95 %]": cells.drop,
        f"FR@{threshold:.0f} %": cells.failures,
        **({f"AUC@{threshold:.0f}": cells.auc} if wide else {}),
        "pose °": cells.pose,
        "deviation %": cells.deviation,
        "jitter %": cells.jitter,
    }
    return _used(record, every)


def start_columns(record: RecordContent) -> dict[str, Cell]:
    """Columns of a user's waiting times, and of sizes: stages, cold start, memory, packages."""
    every: dict[str, Cell] = {
        "decode": lambda row: cells.stage(row, "decode"),
        "detect": lambda row: cells.stage(row, "detect"),
        "crop": lambda row: cells.stage(row, "crop"),
        "infer": lambda row: cells.stage(row, "infer"),
        "all ms": lambda row: cells.stage(row, "total"),
        "cold ms": lambda row: cells.cold(row, "total_ms"),
        "RSS MiB": lambda row: cells.cold(row, "peak_rss_mib"),
        "inst. MB": lambda row: cells.cold(row, "installed_bytes", 1e-6),
    }
    return _used(record, every)


def _used(record: RecordContent, every: dict[str, Cell]) -> dict[str, Cell]:
    rows = measured_rows(record)
    return {name: cell for name, cell in every.items() if any(cell(row) for row in rows)}


def _table(record: RecordContent, columns: Columns) -> Table:
    view = table("model", *columns)
    view.columns[0].no_wrap, view.columns[0].overflow = False, "fold"  # names fold before numbers
    for row in rows_of(record):
        if row.case.latency_ms:
            view.add_row(row.label, *(cell(row) for cell in columns.values()))
        else:
            view.add_row(row.label, "failed")
    return view


def speed_lines(record: RecordContent) -> Lines:
    return _lines(record, speed_columns(record, wide=True))


def accuracy_lines(record: RecordContent) -> Lines:
    return _lines(record, accuracy_columns(record, wide=True))


def start_lines(record: RecordContent) -> Lines:
    return _lines(record, start_columns(record))


def package_lines(record: RecordContent) -> Lines:
    """Megabytes of each package that a runtime brought into the fresh process."""
    starts = [(row, row.case.cold_start) for row in measured_rows(record)]
    lines = []
    for row, start in starts:
        if start and start.packages:
            packages = sorted(start.packages.items(), key=lambda item: -item[1])
            names = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in packages if size > 5e5)
            lines.append([row.label, f"{start.installed_bytes / 1e6:.0f}", names])
    return [["model", "MB", "packages"], *lines] if lines else []


def _lines(record: RecordContent, columns: Columns) -> Lines:
    if not columns:
        return []
    measured = measured_rows(record)
    rows = [[row.label, *(cell(row) for cell in columns.values())] for row in measured]
    return [["model", *columns], *rows]


# A plain block of text that fits into an issue: machine, versions, rows, command

BLOCK_HEADER = ("row", "runtime", "threads", "MB", "p50 ms", "p90 ms", "deviation %", "NME drop")


def plain_block(record: RecordContent) -> str:
    """Return ``record`` in about ten lines, with all facts needed to judge or repeat it."""
    lines = [
        f"asmnet-edge {record.asmnet_edge or 'unknown'}, {record.settings.kind} benchmark of "
        f"{record.taken}{', interrupted' if record.interrupted else ''}",
        f"machine: {_machine(record)}",
        f"features: {', '.join(record.device.features) or 'not known'}",
        f"packages: {_packages(record)}",
        f"faces: {faces_line(record.settings.faces)}",
        *_aligned([BLOCK_HEADER, *map(_block_cells, rows_of(record))]),
        *(f"warning: {line}" for line in _warnings(record)),
        f"conclusion: {conclusion(record).sentence}",
        f"reproduce: {command(record)}",
    ]
    return "\n".join(lines)


def _machine(record: RecordContent) -> str:
    device = record.device
    board = f"{device.board}, " if device.board else ""
    known = [
        device.architecture,
        f"{device.cores} cores",
        f"{device.memory_mib:.0f} MiB" if device.memory_mib else None,
        f"governor {device.governor}" if device.governor else None,
        device.os or device.system,
    ]
    return f"{board}{device.cpu}, {', '.join(filter(None, known))}"


def _packages(record: RecordContent) -> str:
    device = record.device
    python = [f"Python {device.python}"] if device.python else []
    return ", ".join([*python, *(f"{name} {v}" for name, v in device.packages.items())])


def _block_cells(row: Row) -> tuple[str, ...]:
    case = row.case
    if case.latency_ms is None:
        return (case.key, f"failed: {case.error}")
    return (
        f"{'~' if case.unsteady else ''}{case.key}",
        case.runtime or "",
        str(case.threads or ""),
        cells.megabytes(row),
        f"{case.latency.p50:.2f}",
        cells.percentile(row, "p90"),
        cells.deviation(row),
        "" if case.figures.nme_drop is None else cells.signed(case.figures.nme_drop),
    )


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Pad the cells of rows of full length to columns; shorter rows are left as they are."""
    rows = list(rows)
    full = [row for row in rows if len(row) == len(BLOCK_HEADER)]
    widths = [max(len(row[n]) for row in full) for n in range(len(BLOCK_HEADER))]
    padded = (
        [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        if len(row) == len(BLOCK_HEADER)
        else list(row)
        for row in rows
    )
    return ["  ".join(cells).rstrip() for cells in padded]


def _warnings(record: RecordContent) -> list[str]:
    unsteady = [f"{c.key}: {'; '.join(c.unsteady)}" for c in record.results if c.unsteady]
    failed = [f"{c.key}: {c.error}" for c in record.results if c.error and c.latency_ms]
    return [*record.warnings, *unsteady, *failed]
