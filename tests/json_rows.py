"""Rows of a benchmark record as its JSON has them, for tests that check or change single fields."""

from typing import Any

from asmnet_edge.benchmarks.record import BenchmarkRecord

Rows = list[dict[str, Any]]


def measured_rows(record: BenchmarkRecord) -> Rows:
    """The rows of ``record`` that have a latency."""
    return [row for row in record.content["results"] if "latency_ms" in row]


def failed_rows(record: BenchmarkRecord) -> Rows:
    """The rows of ``record`` that could not be measured, or not wholly."""
    return [row for row in record.content["results"] if "error" in row]
