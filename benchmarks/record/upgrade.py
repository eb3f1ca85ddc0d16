"""Conversion of earlier record versions to the present schema; what they lack is left out."""

from __future__ import annotations

from typing import Any

SCHEMA_VERSION = 2


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return ``content`` in the present schema; `ValueError` for a version that is not known."""
    version = content["schema_version"]
    if version == 1:
        return _from_1(content)
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema version {version} is not known")
    return content


def _from_1(content: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept the samples in one list and had one number of threads for all rows."""
    settings = content["settings"]
    threads = [settings["threads"]] if "threads" in settings else []
    return {
        **content,
        "schema_version": SCHEMA_VERSION,
        "ended": content["taken"],
        "interrupted": False,
        "warnings": [],
        "portraits": [],
        "settings": {**settings, "kind": "quick", "threads": threads, "sustain_seconds": 0},
        "results": [_row_from_1(row) for row in content["results"]],
    }


def _row_from_1(row: dict[str, Any]) -> dict[str, Any]:
    named = {**row, "key": row["name"]}
    if "latency_ms" not in row:
        return named
    latency = dict(row["latency_ms"])
    samples, calls = latency.pop("samples"), latency.pop("warmup_calls", 0)
    latency |= {"rounds": [samples], "intervals": {}, "notes": []}
    latency |= {"throughput": 1e3 / latency["mean"]}
    return {**named, "latency_ms": {**latency, "warm_up": {"calls": calls}}}
