"""A benchmark record as a table that people read."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.truth import FAILURE, faces_in_words, gaps_in_words


def table(record: BenchmarkRecord) -> Group:
    """Rows as in the record; ``~`` marks a latency that was not steady."""
    annotated = _annotated(record)
    compared = bool(record.content["settings"]["reference"])
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    view.add_column("model", no_wrap=True)
    columns = ["MB", "int8 ops", "p50 ms", "p90", "p99"]
    threshold = 100 * record.content["settings"]["faces"].get("failure_threshold", FAILURE)
    columns += ["NME %", "drop", f"FR@{threshold:.0f} %", "pose °"] if annotated else []
    for name in [*columns, *(["deviation %"] if compared else [])]:
        view.add_column(name, justify="right", no_wrap=True)
    for row in record.results:
        view.add_row(*_cells(row, annotated, compared))
    return Group(Text(_title(record), style="bold"), view, Text(_notes(record, annotated)))


def _annotated(record: BenchmarkRecord) -> bool:
    return any(row.get("accuracy", {}).get("nme") is not None for row in record.results)


def _title(record: BenchmarkRecord) -> str:
    device, settings = record.content["device"], record.content["settings"]
    threads, faces = settings["threads"], settings["faces"]
    return (
        f"{device['board'] or device['cpu']}, {device['cores']} cores, "
        f"{threads} thread{'s' if threads > 1 else ''}, "
        f"{faces_in_words(faces['count'], faces.get('missing', ()))} ({faces['on']})"
    )


def _notes(record: BenchmarkRecord, annotated: bool) -> str:
    first = next((row for row in record.results if "error" not in row), None)
    lines = []
    if first:
        size, work = first["parameters"], first["multiply_adds"] / 1e6
        lines.append(f"{size:,} parameters, {work:.1f} M multiply-adds")
    if record.content["settings"]["reference"]:
        lines.append(
            "drop, deviation: against the float model, NME in points and % of eye distance"
        )
    truths = {row["accuracy"].get("pose_truth") for row in record.results if "error" not in row}
    lines += [f"pose: mean over yaw, pitch, roll; truth {t}" for t in sorted(truths - {None})]
    faces = record.content["settings"]["faces"]
    if gaps := gaps_in_words(faces.get("missing", ())):
        lines.append(f"{faces['on']}: without {gaps}, which this copy lacks")
    if not annotated:
        lines.append("drawn faces: no accuracy on real ones; give --data for that")
    cores, load = record.content["device"]["cores"], record.content["load_average"]
    if load is not None and load > cores:
        lines.append(f"~ the machine was busy: load average {load:.1f} on {cores} cores")
    lines += [
        f"~ {row['name']}: {reason}" for row in record.results for reason in row.get("unsteady", ())
    ]
    lines += [f"{row['name']}: {row['error']}" for row in record.failed]
    return "\n".join(lines)


def _cells(row: dict[str, Any], annotated: bool, compared: bool) -> list[str]:
    if "error" in row:
        return [row["name"], "failed"]
    latency, figures = row["latency_ms"], row["accuracy"]
    operators = row.get("operators")
    cells = [
        f"{row['format']} {row['precision']}",
        f"{row['bytes'] / 1e6:.2f}",
        f"{100 * operators['int8'] / operators['total']:.0f} %" if operators else "",
        f"{'~' if row['unsteady'] else ''}{latency['p50']:.2f}",
        f"{latency['p90']:.2f}",
        f"{latency['p99']:.2f}",
    ]
    if annotated:
        drop = figures["nme_drop"]
        cells += [
            f"{figures['nme']:.2f}",
            "" if drop is None else f"{round(drop, 3) + 0.0:+.3f}",
            f"{100 * figures['failure_rate']:.1f}",
            f"{fmean(figures['pose_mae'].values()):.2f}",
        ]
    return [*cells, f"{figures['deviation_iod_percent']:.2f}"] if compared else cells
