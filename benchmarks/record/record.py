"""The benchmark record: everything one run measured, on which machine, with what.

docs/benchmark-record.schema.json describes it; docs/benchmark-record.md tells its history.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asmnet_edge
from asmnet_edge.benchmarks.device.info import DeviceInfo, load_average
from asmnet_edge.benchmarks.record.upgrade import SCHEMA_VERSION, upgraded
from asmnet_edge.errors import DataError
from asmnet_edge.files import write_json


@dataclass(frozen=True)
class BenchmarkRecord:
    """One run; ``content`` is what the JSON file holds.

    Its ``results`` have one entry a row, ``error`` in those that failed.
    """

    content: dict[str, Any]

    @classmethod
    def begin(cls, settings: dict[str, Any]) -> BenchmarkRecord:
        """A record without results of a run that starts now, on this machine."""
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
                "settings": settings,
                "results": [],
                "portraits": [],
            }
        )

    def with_results(
        self,
        results: list[dict[str, Any]],
        interrupted: bool = False,
        portraits: list[dict[str, Any]] | None = None,
    ) -> BenchmarkRecord:
        """This record with what has been measured by now."""
        news = {"results": results, "interrupted": interrupted, "ended": _now()}
        return BenchmarkRecord({**self.content, **news, "portraits": portraits or []})

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

    def save(self, path: Path) -> None:
        write_json(path, self.content)

    @classmethod
    def load(cls, path: Path) -> BenchmarkRecord:
        """The record at ``path``; `DataError` says what is wrong with a file that is none."""
        try:
            content = upgraded(json.loads(path.read_text(encoding="utf-8")))
            _check(content)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} is not a benchmark record: {error}") from error
        return cls(content)


def _check(content: dict[str, Any]) -> None:
    """What every reader relies on; the whole is in the schema."""
    content["device"]["cpu"], content["settings"]["latency"], content["settings"]["faces"]["count"]
    for row in content["results"]:
        row["name"], row["key"]
        if "error" not in row and not row["latency_ms"]["rounds"]:
            raise ValueError(f"{row['name']} has no samples")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
