"""The lines around the tables: what machine, what faces, what to distrust."""

from __future__ import annotations

from typing import Any

from asmnet_edge.benchmarks.accuracy.truth import faces_in_words, gaps_in_words
from asmnet_edge.benchmarks.record.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import label
from asmnet_edge.benchmarks.report.merged import merged
from asmnet_edge.benchmarks.report.remarks import remarks
from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX

MINUTES = 120.0  # seconds from which a time is told in minutes


def title(record: BenchmarkRecord) -> str:
    device, settings = record.content["device"], record.content["settings"]
    counts, faces = settings["threads"], settings["faces"]
    threads = f"{counts[0]} thread{'s' if counts[0] > 1 else ''}" if len(counts) == 1 else ""
    where = [device.get("board") or device["cpu"], f"{device['cores']} cores", threads]
    faces_words = f"{faces_in_words(faces['count'], faces.get('missing', ()))} ({faces['on']})"
    return ", ".join([*filter(None, where), faces_words])


def notes(record: BenchmarkRecord) -> list[str]:
    """One line a note; ``~`` before what makes numbers doubtful."""
    lines = [*_work(record), *_reading(record), *_faces(record), *_lasting(record)]
    lines += [*_cores(record), *remarks(record.measured)]
    lines += [f"~ {line}" for line in doubts(record)]
    return lines + [f"{row['key']}: {row['error']}" for row in record.failed]


def doubts(record: BenchmarkRecord) -> list[str]:
    """Why numbers of this record deserve distrust; each reason once, with its rows."""
    content, lines = record.content, list(record.content["warnings"])
    if content["interrupted"]:
        lines.append("the run was interrupted")
    cores, load = content["device"]["cores"], content["load_average"]
    if load is not None and load > cores:
        lines.append(f"the machine was busy: load average {load:.1f} on {cores} cores")
    return lines + merged({label(r): r["unsteady"] for r in record.results if "unsteady" in r})


def _work(record: BenchmarkRecord) -> list[str]:
    first = next((row for row in record.measured if row.get("parameters")), None)
    if first is None or not first.get("multiply_adds"):
        return []
    size, work = first["parameters"], first["multiply_adds"] / 1e6
    return [f"{size:,} parameters, {work:.1f} M multiply-adds"]


def _reading(record: BenchmarkRecord) -> list[str]:
    lines = ["±: half the 95 % interval over rounds"] if _has_intervals(record) else []
    figures: list[dict[str, Any]] = [row.get("accuracy") or {} for row in record.measured]
    if reference := record.content["settings"]["reference"]:
        model = "the float model" if reference.endswith(FLOAT_SUFFIX) else reference
        lines.append(f"drop, deviation: against {model}, NME in points and % of eye distance")
    elif any(figures) and any(row.get("compared", True) for row in record.measured):
        cure = "leave out --no-float (it needs Keras), or add the float32 artifact"
        lines.append(f"no drop, no deviation: {cure}")
    truths = {str(each["pose_truth"]) for each in figures if each.get("pose_truth")}
    lines += [f"pose: mean over yaw, pitch, roll; truth {truth}" for truth in sorted(truths)]
    if any(each.get("jitter") for each in figures):
        lines.append("jitter: % of eye distance, noise on a still / sliding by parts of a pixel")
    return lines


def _lasting(record: BenchmarkRecord) -> list[str]:
    """The endurance of each row that was asked for it."""
    rows = [(row, row["sustained"]) for row in record.measured if row.get("sustained")]
    return [
        f"{label(row)}, sustained for {duration(told['seconds'])}: p50 {endured(told)}"
        for row, told in rows
    ]


def endured(told: dict[str, Any]) -> str:
    """``2.00 ms at first, 2.10 ms at the end (+5.0 %)`` of what `sustain.summary` gives."""
    first, last = told["first_p50"], told["last_p50"]
    return f"{first:.2f} ms at first, {last:.2f} ms at the end ({told['change_percent']:+.1f} %)"


def duration(seconds: float) -> str:
    """``12 seconds``, ``30 minutes``."""
    return f"{seconds:.0f} seconds" if seconds < MINUTES else f"{seconds / 60:.3g} minutes"


def _faces(record: BenchmarkRecord) -> list[str]:
    faces = record.content["settings"]["faces"]
    gaps = gaps_in_words(faces.get("missing", ()))
    lines = [f"{faces['on']}: without {gaps}, which this copy lacks"] if gaps else []
    if are_drawn(record):
        lines.append("drawn faces: no accuracy on real ones; give --data for that")
    return lines


def are_drawn(record: BenchmarkRecord) -> bool:
    """Whether the faces are no photos; early records tell it by the data set's name alone."""
    faces = record.content["settings"]["faces"]
    return bool(faces.get("drawn", str(faces["on"]).startswith("synthetic ")))


def _cores(record: BenchmarkRecord) -> list[str]:
    """Which cores rows were held to, if any."""
    held = {label(row): row["cpus"] for row in record.measured if row.get("cpus")}
    return [f"{name}: held to core {', '.join(map(str, cpus))}" for name, cpus in held.items()]


def _has_intervals(record: BenchmarkRecord) -> bool:
    return any(row["latency_ms"]["intervals"] for row in record.measured)
