"""Text around the tables: machine, faces, reasons for doubt, and method of the measurements."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from asmnet_edge.benchmarks.evaluation_faces import (
    faces_in_words,
    gaps_in_words,
    missing_as_json,
)
from asmnet_edge.benchmarks.record_types import FaceSettings, RecordContent, SustainedResult
from asmnet_edge.benchmarks.report.cells import Row, measured_rows, rows_of
from asmnet_edge.formats import FLOAT_SUFFIX

MINUTES = 120.0  # seconds from which a time is given in minutes
RARE = 1000  # calls below which p99 is one of the ten slowest
DEVICE = {  # field of `DeviceInfo` -> name in the table
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


def title(record: RecordContent) -> str:
    """``Raspberry Pi 5, 4 cores, 1 thread, 554 faces (300w common)``"""
    device, counts = record.device, record.settings.threads
    threads = f"{counts[0]} thread{'s' if counts[0] > 1 else ''}" if len(counts) == 1 else ""
    where = [device.name, f"{device.cores} cores", threads]
    return ", ".join([*filter(None, where), faces_line(record.settings.faces)])


def faces_line(faces: FaceSettings) -> str:
    """``554 of 689 faces (300w full)``, ``64 drawn faces (synthetic test)``"""
    count = faces_in_words(faces.count, missing_as_json(faces.missing))
    return f"{count.replace(' face', ' drawn face') if faces.are_drawn else count} ({faces.on})"


def notes(record: RecordContent) -> list[str]:
    """Return one line for each note; notes on unreliable numbers begin with ``~``."""
    lines = [*_work(record), *_reading(record), *_faces(record), *_endurance(record)]
    lines += [*_cores(record), *remarks(measured_rows(record))]
    lines += [f"~ {line}" for line in doubts(record)]
    return lines + [f"{case.key}: {case.error}" for case in record.failed]


def doubts(record: RecordContent) -> list[str]:
    """Return why numbers of ``record`` deserve distrust, each reason once with its rows."""
    lines = list(record.warnings)
    if record.interrupted:
        lines.append("the run was interrupted")
    cores, load = record.device.cores, record.load_average
    if load is not None and load > cores:
        lines.append(f"the machine was busy: load average {load:.1f} on {cores} cores")
    known = [row for row in rows_of(record) if row.case.unsteady is not None]
    return lines + merged({row.label: row.case.unsteady or () for row in known})


def _work(record: RecordContent) -> list[str]:
    first = next((case for case in record.measured if case.parameters), None)
    if first is None or not first.parameters or not first.multiply_adds:
        return []
    return [f"{first.parameters:,} parameters, {first.multiply_adds / 1e6:.1f} M multiply-adds"]


def _reading(record: RecordContent) -> list[str]:
    """How to read the tables: intervals, what drops are against, where the true pose is from."""
    cases = record.measured
    lines = ["p50, p90, p99: 50, 90 and 99 % of the calls took at most so many ms"] if cases else []
    if any(case.unsteady for case in cases):
        lines.append("~: unsteady, for the reasons below")
    if any(case.latency.intervals for case in cases):
        lines.append("±: half the 95 % interval over rounds")
    figures = [case.accuracy for case in cases if case.accuracy]
    if reference := record.settings.reference:
        model = "the float model" if reference.endswith(FLOAT_SUFFIX) else reference
        if any(each.nme_drop is not None for each in figures):
            lines.append(f"drop: NME against {model}, in points")
        lines.append(f"deviation: of landmarks from those of {model}, in % of the eye distance")
    elif figures and any(case.descends_from_float_model for case in cases):
        cure = "leave out --no-float (it needs Keras), or add the float32 artifact"
        lines.append(f"no drop, no deviation: {cure}")
    truths = {each.pose_truth for each in figures if each.pose_truth}
    lines += [f"pose: mean over yaw, pitch, roll; truth {truth}" for truth in sorted(truths)]
    if any(each.jitter for each in figures):
        lines.append("jitter: % of eye distance, noise on a still / sliding by parts of a pixel")
    return lines


def _faces(record: RecordContent) -> list[str]:
    faces = record.settings.faces
    gaps = gaps_in_words(missing_as_json(faces.missing))
    lines = [f"{faces.on}: without {gaps}, which this copy lacks"] if gaps else []
    if faces.are_drawn:
        lines.append("drawn faces: no accuracy on real ones; give --data for that")
    return lines


def _endurance(record: RecordContent) -> list[str]:
    """The endurance of each row that has one."""
    rows = [(row, row.case.sustained) for row in measured_rows(record)]
    return [
        f"{row.label}, sustained for {duration(found.seconds)}: p50 {endurance_in_words(found)}"
        for row, found in rows
        if found
    ]


def endurance_in_words(sustained: SustainedResult) -> str:
    """``2.00 ms at first, 2.10 ms at the end (+5.0 %)``"""
    change = f"{sustained.change_percent:+.1f} %"
    return (
        f"{sustained.first_p50:.2f} ms at first, {sustained.last_p50:.2f} ms at the end ({change})"
    )


def duration(seconds: float) -> str:
    """``12 seconds``, ``30 minutes``."""
    return f"{seconds:.0f} seconds" if seconds < MINUTES else f"{seconds / 60:.3g} minutes"


def _cores(record: RecordContent) -> list[str]:
    """Cores that rows were pinned to, if any."""
    pinned = {row.label: row.case.cpus for row in measured_rows(record) if row.case.cpus}
    return [f"{name}: pinned to core {', '.join(map(str, cpus))}" for name, cpus in pinned.items()]


def remarks(rows: Sequence[Row]) -> list[str]:
    """Name rows with few calls behind their p99, or with too few to know whether they were warm.

    These are no reason for distrust.
    """
    return [line for line in (_few(rows), *map(_slow, rows)) if line]


def _few(rows: Sequence[Row]) -> str:
    """``p99: a rough guide with fewer than 1,000 calls (onnx int8 366)``."""
    called = [(row.latency.calls, row.label) for row in rows]
    few = [f"{name} {calls}" for calls, name in called if calls < RARE]
    if len(few) > 1 and len(few) == len(rows):
        fewest, most = min(called)[0], max(called)[0]
        few = [f"here {fewest}" + f" to {most}" * (most > fewest)]
    return f"p99: a rough guide with fewer than {RARE:,} calls ({', '.join(few)})" if few else ""


def _slow(row: Row) -> str:
    warmed = row.latency.warm_up
    if warmed is None or warmed.steady is not None:
        return ""
    warm = f"{warmed.calls} calls in {warmed.seconds:.1f} s"
    return f"{row.label}: too slow to know whether it was warm, {warm}"


# Reasons of many rows in few lines: each reason once, with the rows that have it

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


# Device and method of measurement, for pages


def device_lines(record: RecordContent) -> list[list[str]]:
    """Name and value of each known property of the machine."""
    device = record.device
    values = {name: getattr(device, field) for field, name in DEVICE.items()}
    lines = [[name, _text(value)] for name, value in values.items() if value]
    if device.power.source:
        lines.append(["power", device.power.source])
    return lines + [["packages", ", ".join(f"{n} {v}" for n, v in device.packages.items())]]


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def how_measured(record: RecordContent) -> list[str]:
    """Paragraphs on how the numbers came about."""
    plan, faces = record.settings.latency, record.settings.faces
    lines = [
        f"Latency: one call at a time, each row in a separate process, at least "
        f"{plan.queries} calls and {plan.seconds:g} s each, in {plan.rounds} rounds in "
        "which all rows take turns, so that a machine that drifts slows all alike. Each is warmed "
        "up until two neighbouring medians agree. Every sample is kept in the record.",
        "Intervals: 95 % bootstrap, over rounds for latencies and over faces, paired, for drops. "
        "A foreign network's time includes scaling its pixels; ours do that in the graph.",
        f"Accuracy: {faces.count} faces, {faces.on}, each cut by the crop rule of the row.",
    ]
    if any(case.stages_ms for case in record.measured):
        lines.append("End to end: a JPEG picture to landmarks in its pixels, one face.")
    if any(case.cold_start for case in record.measured):
        lines.append(
            f"Cold start: {plan.cold_starts} fresh processes, median; files in the system's "
            "cache. RSS: the most memory that such a process held."
        )
    return lines
