"""The benchmark record: one run as a versioned JSON file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asmnet_edge
from asmnet_edge.benchmarks.cases import FLOAT_SUFFIX, QUICK, RIGOROUS
from asmnet_edge.benchmarks.machine import DeviceInfo, load_average
from asmnet_edge.benchmarks.record_json import SCHEMA_VERSION, from_json, to_json, upgraded
from asmnet_edge.benchmarks.record_types import (
    CaseResult,
    FaceSettings,
    Portrait,
    RecordContent,
    RunSettings,
)
from asmnet_edge.errors import DataError
from asmnet_edge.io.files import write_json


@dataclass(frozen=True)
class BenchmarkRecord:
    """One run.

    content : what the JSON file holds, checked when it was read; the properties `device`,
    `settings` and `cases` give its parts as typed values
    """

    content: dict[str, Any]

    @classmethod
    def begin(cls, settings: RunSettings | dict[str, Any]) -> BenchmarkRecord:
        """Return a record without results of a run that starts now, on this machine."""
        return cls(
            {
                "schema_version": SCHEMA_VERSION,
                "asmnet_edge": asmnet_edge.__version__,
                "taken": _now(),
                "ended": None,
                "interrupted": True,
                "device": DeviceInfo.of_this_machine().as_json(),
                "load_average": load_average(),
                "warnings": [],
                "settings": to_json(settings),
                "results": [],
                "portraits": [],
            }
        )

    @classmethod
    def parse(cls, content: Any) -> BenchmarkRecord:
        """Return ``content``, the JSON of a record of any version; `ValueError` if it is none."""
        try:
            record = cls(upgraded(content))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        record.typed  # noqa: B018  raises where a field is wrong
        return record

    def with_results(
        self,
        results: Sequence[CaseResult | dict[str, Any]],
        interrupted: bool = False,
        portraits: Sequence[Portrait | dict[str, Any]] = (),
    ) -> BenchmarkRecord:
        """Return this record with what has been measured so far."""
        measured = {"results": to_json(results), "portraits": to_json(portraits)}
        times = {"interrupted": interrupted, "ended": _now()}
        return BenchmarkRecord({**self.content, **measured, **times})

    def with_settings(self, settings: RunSettings) -> BenchmarkRecord:
        """Return this record with other ``settings``."""
        return BenchmarkRecord({**self.content, "settings": to_json(settings)})

    # typed

    @property
    def typed(self) -> RecordContent:
        """The whole content; `ValueError` names a field that is wrong."""
        return from_json(RecordContent, self.content)

    @property
    def device(self) -> DeviceInfo:
        return from_json(DeviceInfo, self.content["device"], "device")

    @property
    def settings(self) -> RunSettings:
        return from_json(RunSettings, self.content["settings"], "settings")

    @property
    def faces(self) -> FaceSettings:
        return from_json(FaceSettings, self.content["settings"]["faces"], "settings.faces")

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """All rows in their order; ``latency_ms`` is None in those that were not measured."""
        rows = enumerate(self.results)
        return tuple(from_json(CaseResult, row, f"results[{n}]") for n, row in rows)

    @property
    def measured_cases(self) -> tuple[CaseResult, ...]:
        """The rows that have a latency."""
        return tuple(case for case in self.cases if case.latency_ms)

    @property
    def failed_cases(self) -> tuple[CaseResult, ...]:
        """The rows that could not be measured, or not wholly."""
        return tuple(case for case in self.cases if case.error is not None)

    # as JSON, for the tables of `report`

    @property
    def results(self) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.content["results"]
        return results

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The rows that could not be measured, or not wholly."""
        return [row for row in self.results if "error" in row]

    @property
    def measured(self) -> list[dict[str, Any]]:
        """The rows that have a latency."""
        return [row for row in self.results if "latency_ms" in row]

    # files

    def save(self, path: Path) -> None:
        """Write the record as JSON; `ValueError` for numbers that are not finite."""
        write_json(path, self.content)

    @classmethod
    def load(cls, path: Path) -> BenchmarkRecord:
        """Read the record at ``path``; `DataError` says what is wrong with a file that is none."""
        try:
            return cls.parse(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{path} is not a benchmark record: {error}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# A record as a block of plain text that fits into an issue: machine, versions, rows, command

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
