"""A record as a block of plain text that fits into an issue: machine, versions, rows, command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from asmnet_edge.benchmarks.latency.plan import QUICK, RIGOROUS
from asmnet_edge.benchmarks.record_types import CaseResult, RecordContent
from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX

HEADER = ("row", "runtime", "threads", "MB", "p50 ms", "p90 ms", "deviation %", "NME drop")


def plain_block(record: RecordContent) -> str:
    """Return ``record`` in about ten lines: what someone else needs to judge or repeat it."""
    faces = record.settings.faces
    missing = sum(part.faces for part in faces.missing)
    of = f" of {faces.count + missing}" if missing else ""
    lines = [
        f"asmnet-edge {record.asmnet_edge or 'unknown'}, {record.settings.kind} benchmark of "
        f"{record.taken}{', interrupted' if record.interrupted else ''}",
        f"machine: {_machine(record)}",
        f"features: {', '.join(record.device.features) or 'not known'}",
        f"packages: {_packages(record)}",
        f"faces: {faces.count}{of} ({faces.on})",
        *_aligned([HEADER, *(_cells(case) for case in record.results)]),
        *(f"warning: {line}" for line in _warnings(record)),
        f"reproduce: {command_of(record)}",
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


def _cells(case: CaseResult) -> tuple[str, ...]:
    latency, accuracy = case.latency_ms, case.accuracy
    if latency is None:
        return (case.key, f"failed: {case.error}")
    drop = accuracy.nme_drop if accuracy else None
    deviation = accuracy.deviation_iod_percent if accuracy else None
    return (
        f"{'~' if case.unsteady else ''}{case.key}",
        case.runtime or "",
        str(case.threads or ""),
        f"{case.bytes / 1e6:.2f}" if case.bytes else "",
        f"{latency.p50:.2f}",
        f"{latency.p90:.2f}",
        "" if deviation is None else f"{deviation:.2f}",
        "" if drop is None else f"{drop:+.3f}",
    )


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Pad the cells of rows of full length to columns; shorter rows are left as they are."""
    rows = list(rows)
    full = [row for row in rows if len(row) == len(HEADER)]
    widths = [max(len(row[n]) for row in full) for n in range(len(HEADER))]
    padded = (
        [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        if len(row) == len(HEADER)
        else list(row)
        for row in rows
    )
    return ["  ".join(cells).rstrip() for cells in padded]


def _warnings(record: RecordContent) -> list[str]:
    unsteady = [f"{c.key}: {'; '.join(c.unsteady)}" for c in record.results if c.unsteady]
    failed = [f"{c.key}: {c.error}" for c in record.results if c.error and c.latency_ms]
    return [*record.warnings, *unsteady, *failed]


def command_of(record: RecordContent) -> str:
    """Return a command that repeats the run; files by name, a data set's folder as ``DIR``."""
    words = ["asmnet-edge", "benchmark", "run", *_files(record), *_effort(record)]
    faces = record.settings.faces
    name, _, subset = faces.on.rpartition(" ")
    if faces.on != "none" and name != "synthetic":
        words += ["--data", f"{name}:DIR", "--subset", subset]
    counts = ",".join(map(str, record.settings.threads))
    return shlex.join([*words, *(["--threads", counts] if counts not in ("", "1") else [])])


def _files(record: RecordContent) -> list[str]:
    named = {case.file or case.name: case for case in record.results}
    floats = [name for name in named if name.endswith(FLOAT_SUFFIX)]
    words = [n for n, c in named.items() if n not in floats and c.compared is not False]
    for name, case in named.items():
        if case.compared is False:
            words += ["--beside", name]
    main = [name for name in floats if named[name].compared is not False]
    words += ["--float-model", main[0]] if main else ["--no-float"]
    runtimes = {c.key.split(" in ")[1].split(",")[0] for c in record.results if " in " in c.key}
    if not runtimes:
        return words
    return [*words, "--runtimes", runtimes.pop() if len(runtimes) == 1 else "all"]


def _effort(record: RecordContent) -> list[str]:
    settings, latency = record.settings, record.settings.latency
    base = RIGOROUS if settings.kind == "rigorous" else QUICK
    words = ["--rigorous"] if settings.kind == "rigorous" else []
    words += [] if latency.queries == base.queries else ["--queries", str(latency.queries)]
    words += [] if latency.seconds == base.seconds else ["--seconds", f"{latency.seconds:g}"]
    words += [] if latency.cold_starts else ["--no-cold"]
    sustain = settings.sustain_seconds
    return [*words, *(["--sustain", f"{sustain:g}s"] if sustain else [])]
