"""Reasons of many rows in few lines: each reason once, with the rows that have it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asmnet_edge.benchmarks.cases import FLOAT_SUFFIX
from asmnet_edge.benchmarks.evaluation_faces import faces_in_words, gaps_in_words
from asmnet_edge.benchmarks.record import BenchmarkRecord
from asmnet_edge.benchmarks.report.cells import label

NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?!\w)")  # not the 90 of p90
Numbers = list[str]


def merged(reasons: Mapping[str, Sequence[str]]) -> list[str]:
    """Return lines like ``a, b: it rained; 1.3 to 1.4 cores were busy``.

    reasons : of each row, empty where it has none. Reasons that differ in numbers alone are one
    reason; what all rows have is for ``all rows``; reasons of the same rows share a line
    """
    by_rows: dict[tuple[str, ...], dict[str, list[Numbers]]] = {}
    for kind, rows in _by_kind(reasons).items():
        by_rows.setdefault(tuple(rows), {})[kind] = list(rows.values())
    return [
        f"{_names(rows, len(reasons))}: {'; '.join(_filled(k, n) for k, n in kinds.items())}"
        for rows, kinds in by_rows.items()
    ]


def _by_kind(reasons: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Numbers]]:
    """Reasons with ``\\0`` for each number -> row -> its numbers."""
    kinds: dict[str, dict[str, Numbers]] = {}
    for row, words in reasons.items():
        for reason in words:
            kinds.setdefault(NUMBER.sub("\0", reason), {})[row] = NUMBER.findall(reason)
    return kinds


def _names(rows: Sequence[str], of: int) -> str:
    return "all rows" if len(rows) == of > 1 else ", ".join(rows)


def _filled(kind: str, numbers: Sequence[Numbers]) -> str:
    """``kind`` with the range of each of its numbers over the rows."""
    columns = [sorted(set(column), key=float) for column in zip(*numbers, strict=True)]
    between = " to " if len(columns) == 1 else ".."
    ranges = [f"{c[0]}{between}{c[-1]}" if len(c) > 1 else c[0] for c in columns]
    parts = kind.split("\0")
    return "".join(part + number for part, number in zip(parts, [*ranges, ""], strict=True))


# Remarks on latencies that are no reason for distrust

RARE = 1000  # calls below which p99 is one of the ten slowest


def remarks(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Name rows with few calls behind their p99, or with too few to know whether they were warm."""
    rows = list(rows)
    return [line for line in (_few(rows), *map(_slow, rows)) if line]


def _few(rows: list[dict[str, Any]]) -> str:
    """``p99: a rough guide with fewer than 1,000 calls (onnx int8 366)``."""
    called = [(row["latency_ms"]["calls"], label(row)) for row in rows]
    few = [f"{name} {calls}" for calls, name in called if calls < RARE]
    if len(few) > 1 and len(few) == len(rows):
        few = [f"here {min(called)[0]} to {max(called)[0]}"]
    return f"p99: a rough guide with fewer than {RARE:,} calls ({', '.join(few)})" if few else ""


def _slow(row: dict[str, Any]) -> str:
    warmed = row["latency_ms"].get("warm_up") or {}
    if warmed.get("steady", True) is not None:
        return ""
    calls, seconds = warmed["calls"], warmed["seconds"]
    return f"{label(row)}: too slow to tell whether it was warm, {calls} calls in {seconds:.1f} s"


# Text around the tables: which machine and faces, what to distrust, how it was measured

MINUTES = 120.0  # seconds from which a time is given in minutes
DEVICE = {  # key of the record -> name in the table
    "board": "board",
    "cpu": "CPU",
    "architecture": "architecture",
    "cores": "cores",
    "features": "features",
    "governor": "frequency governor",
    "max_mhz": "highest frequency, MHz",
    "memory_mib": "memory, MiB",
    "os": "system",
    "system": "kernel",
    "python": "Python",
}


def title(record: BenchmarkRecord) -> str:
    """``Raspberry Pi 5, 4 cores, 1 thread, 554 faces (300w common)``"""
    device, settings = record.content["device"], record.content["settings"]
    counts, faces = settings["threads"], settings["faces"]
    threads = f"{counts[0]} thread{'s' if counts[0] > 1 else ''}" if len(counts) == 1 else ""
    where = [device.get("board") or device["cpu"], f"{device['cores']} cores", threads]
    faces_words = f"{faces_in_words(faces['count'], faces.get('missing', ()))} ({faces['on']})"
    return ", ".join([*filter(None, where), faces_words])


def notes(record: BenchmarkRecord) -> list[str]:
    """Return one line for each note; ``~`` comes before what makes numbers doubtful."""
    lines = [*_work(record), *_reading(record), *_faces(record), *_endurance(record)]
    lines += [*_cores(record), *remarks(record.measured)]
    lines += [f"~ {line}" for line in doubts(record)]
    return lines + [f"{row['key']}: {row['error']}" for row in record.failed]


def doubts(record: BenchmarkRecord) -> list[str]:
    """Return why numbers of ``record`` deserve distrust, each reason once with its rows."""
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


def _endurance(record: BenchmarkRecord) -> list[str]:
    """The endurance of each row that has one."""
    rows = [(row, row["sustained"]) for row in record.measured if row.get("sustained")]
    return [
        f"{label(row)}, sustained for {duration(found['seconds'])}: p50 {endurance_in_words(found)}"
        for row, found in rows
    ]


def endurance_in_words(sustained: dict[str, Any]) -> str:
    """``2.00 ms at first, 2.10 ms at the end (+5.0 %)`` of the ``sustained`` part of a row."""
    first, last = sustained["first_p50"], sustained["last_p50"]
    change = f"{sustained['change_percent']:+.1f} %"
    return f"{first:.2f} ms at first, {last:.2f} ms at the end ({change})"


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
    """Whether the faces are drawn; early records show it by the data set's name alone."""
    faces = record.content["settings"]["faces"]
    return bool(faces.get("drawn", str(faces["on"]).startswith("synthetic ")))


def _cores(record: BenchmarkRecord) -> list[str]:
    """Cores that rows were pinned to, if any."""
    held = {label(row): row["cpus"] for row in record.measured if row.get("cpus")}
    return [f"{name}: held to core {', '.join(map(str, cpus))}" for name, cpus in held.items()]


def _has_intervals(record: BenchmarkRecord) -> bool:
    return any(row["latency_ms"]["intervals"] for row in record.measured)


def device_lines(record: BenchmarkRecord) -> list[list[str]]:
    """Name and value of each known property of the machine."""
    device = record.content["device"]
    lines = [[name, _text(device[key])] for key, name in DEVICE.items() if device.get(key)]
    if source := (device.get("power") or {}).get("source"):
        lines.append(["power", str(source)])
    packages = device.get("packages") or {}
    return lines + [["packages", ", ".join(f"{n} {v}" for n, v in packages.items())]]


def how_measured(record: BenchmarkRecord) -> list[str]:
    """Paragraphs on how the numbers came about."""
    settings = record.content["settings"]
    plan, faces = settings["latency"], settings["faces"]
    lines = [
        f"Latency: one call at a time, each row in a process of its own, at least "
        f"{plan['queries']} calls and {plan['seconds']:g} s each, in {plan['rounds']} rounds in "
        "which all rows take turns, so that a machine that drifts slows all alike. Each is warmed "
        "up until two neighbouring medians agree. Every sample is kept in the record.",
        "Intervals: 95 % bootstrap, over rounds for latencies and over faces, paired, for drops. "
        "A foreign network's time includes scaling its pixels; ours do that in the graph.",
        f"Accuracy: {faces['count']} faces, {faces['on']}, each cut by the row's own crop rule.",
    ]
    if plan.get("stage_calls"):
        lines.append("End to end: a JPEG picture to landmarks in its pixels, one inference.")
    if plan.get("cold_starts"):
        lines.append(
            f"Cold start: {plan['cold_starts']} fresh processes, median; files in the system's "
            "cache. RSS: the most memory that such a process held."
        )
    return lines


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
