"""The benchmark record: everything one run measured, on which machine, with what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asmnet_edge
from asmnet_edge.benchmarks.device import DeviceInfo, load_average
from asmnet_edge.errors import DataError
from asmnet_edge.files import write_json

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class BenchmarkRecord:
    """One run; ``content`` is what the JSON file holds.

    Its ``results`` have one entry a row: format, precision, runtime, bytes, parameters,
    multiply_adds, latency_ms and accuracy, or ``error`` in place of the last two.
    """

    content: dict[str, Any]

    @classmethod
    def of(cls, results: list[dict[str, Any]], settings: dict[str, Any]) -> BenchmarkRecord:
        """A record of ``results`` taken now, on this machine."""
        return cls(
            {
                "schema_version": SCHEMA_VERSION,
                "asmnet_edge": asmnet_edge.__version__,
                "taken": datetime.now(UTC).isoformat(timespec="seconds"),
                "device": DeviceInfo.of_this_machine().as_json(),
                "load_average": load_average(),
                "settings": settings,
                "results": results,
            }
        )

    @property
    def results(self) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.content["results"]
        return results

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The rows that could not be measured."""
        return [row for row in self.results if "error" in row]

    def save(self, path: Path) -> None:
        write_json(path, self.content)

    @classmethod
    def load(cls, path: Path) -> BenchmarkRecord:
        """The record at ``path``; `DataError` says what is wrong with a file that is none."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema version {content['schema_version']} is not known")
            content["results"], content["device"], content["settings"]
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is not a benchmark record: {error}") from error
        return cls(content)
