"""Facts of weights that only people know: remarks, and where the logs of their training are.

    [[weights]]
    sha256 = "..."    # of the float model file
    logs = ["training/first.csv", "training/second.csv"]    # relative to the TOML file
    remarks = ["..."]

They belong to the hash, so that they do not outlive the weights.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.card.trainlog import read_logs
from asmnet_edge.errors import DataError

KEYS = {"sha256", "logs", "remarks"}


@dataclass(frozen=True)
class Known:
    """logs : of each run of training, the first one first; remarks : for the card, in order"""

    logs: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def read_known(path: Path) -> dict[str, Known]:
    """Read what is known of each float model, by its SHA-256."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = content["weights"] if content else []
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{path} does not describe weights: {error}", "Expected [[weights]]"
        ) from error
    return dict(_entry(entry, number, path) for number, entry in enumerate(entries, start=1))


def facts_of(sha256: str, known: Mapping[str, Known]) -> dict[str, Any]:
    """Return ``remarks`` and ``log`` of the weights, as a card has them."""
    found = known.get(sha256, Known())
    log = read_logs(found.logs) if found.logs else None
    return {"remarks": list(found.remarks), "log": log}


def _entry(entry: dict[str, Any], number: int, path: Path) -> tuple[str, Known]:
    lists = [entry.get("logs"), entry.get("remarks")]
    texts = [entry.get("sha256"), *chain(*(each for each in lists if isinstance(each, list)))]
    good = set(entry) == KEYS and all(isinstance(each, list) for each in lists)
    if not good or not all(isinstance(text, str) for text in texts):
        expected = "the text sha256 and the lists of texts logs and remarks"
        raise DataError(f"{path}, weights {number}: expected {expected}, got {entry}")
    logs = tuple(path.parent / log for log in entry["logs"])
    return entry["sha256"], Known(logs, tuple(" ".join(text.split()) for text in entry["remarks"]))
