"""The benchmark record: one run as a versioned JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asmnet_edge
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
    """The record of one benchmark run.

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
        """Return this record with the results so far."""
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
        rows = enumerate(self.content["results"])
        return tuple(from_json(CaseResult, row, f"results[{n}]") for n, row in rows)

    @property
    def measured_cases(self) -> tuple[CaseResult, ...]:
        """The rows that have a latency."""
        return tuple(case for case in self.cases if case.latency_ms)

    @property
    def failed_cases(self) -> tuple[CaseResult, ...]:
        """The rows that could not be measured, or not wholly."""
        return tuple(case for case in self.cases if case.error is not None)

    # files

    def save(self, path: Path) -> None:
        """Write the record as JSON; `ValueError` for numbers that are not finite."""
        write_json(path, self.content)

    @classmethod
    def load(cls, path: Path) -> BenchmarkRecord:
        """Read the record at ``path``; `DataError` states the fault of a file that is no record."""
        try:
            return cls.parse(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{path} is not a benchmark record: {error}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
