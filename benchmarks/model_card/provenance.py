"""Provenance of weights: training logs, remarks of people, and facts in the float model's file."""

from __future__ import annotations

import csv
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from asmnet_edge.datasets.splits import PERCENT
from asmnet_edge.errors import DataError, ModelError
from asmnet_edge.io.files import sha256
from asmnet_edge.training.model_facts import read_facts

# Curves of the ``log.csv`` of a training run, or of several that continued one another

POINTS = 200  # of the loss's curve: the mean of so many stretches


def read_logs(paths: Sequence[Path]) -> dict[str, Any]:
    """Read the runs of ``paths``, one after another, with their steps added up.

    parts : of each run its steps and the sizes it trained at; loss : [step, mean since the point
    before]; validation : [step, NME in %]
    """
    runs = [_read(path) for path in paths]
    starts = np.cumsum([0, *(run[-1][0] for run in runs)])
    shifted = [[(step + int(at), *rest) for step, *rest in run]
               for run, at in zip(runs, starts, strict=False)]  # fmt: skip
    entries = [entry for run in shifted for entry in run]
    return {
        "parts": [{"steps": run[-1][0], "sizes": list(dict.fromkeys(e[1] for e in run))}
                  for run in runs],
        "loss": _thinned(entries),
        "validation": [[step, nme] for step, _, _, nme in entries if nme is not None],
    }  # fmt: skip


def _read(path: Path) -> list[tuple[Any, ...]]:
    """(step, size, loss, validation NME or None) of each row."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = [
            (int(r["step"]), int(r["size"]), float(r["loss"]), _or_none(r["validation_nme"]))
            for r in rows
        ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is not a training log: {error}", "Give the log.csv of a run's folder"
        ) from error
    if not found:
        raise DataError(f"{path} holds no step")
    return found


def _or_none(text: str) -> float | None:
    return float(text) if text else None


def _thinned(entries: Sequence[tuple[Any, ...]]) -> list[list[float]]:
    chunks = np.array_split(np.array([(e[0], e[2]) for e in entries]), min(POINTS, len(entries)))
    return [[int(chunk[-1, 0]), round(float(chunk[:, 1].mean()), 5)] for chunk in chunks]


# Remarks, and where the training logs are, in a TOML file

KEYS = {"sha256", "logs", "remarks"}


@dataclass(frozen=True)
class Known:
    """Remarks on some weights, and the logs of their training.

    logs : of each run of training, the first one first; remarks : for the card, in order
    """

    logs: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def read_known(path: Path) -> dict[str, Known]:
    """Read remarks and logs of float models, by their SHA-256.

        [[weights]]
        sha256 = "..."    # of the float model file
        logs = ["training/first.csv", "training/second.csv"]    # relative to the TOML file
        remarks = ["..."]

    An entry belongs to the hash, so that it does not outlive the weights. `DataError` if the file
    is not of this form.
    """
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


# Facts in the file of a float model: network, training, licence

NOTICE = "NOTICE"  # file beside weights whose licence differs from the code's
ORIGIN = "started_from"  # key of the provenance of the model that training began with
SETTINGS = (
    *("epochs", "batch", "learning_rate", "stages", "distance", "asm_schedule", "shape_variance"),
    *("pose_weight", "dropout", "weight_decay", "augmentation", "precision", "ema", "ema_every"),
    *("validation_percent", "seed", "seconds", "last_augmentation", "frozen_blocks", "taught"),
)
BEFORE = {
    "dropout": 0.3,
    "validation_percent": PERCENT,
}  # values of runs from before the setting existed
OUTCOME = ("step", "validation_nme", "averaging", "licence", "sha256")
FOLDERS = 2  # parts of a data set's path that a card shows: more would describe a machine


def origin_of(path: Path) -> dict[str, Any]:
    """Return the facts of the float model at ``path`` without reading its weights."""
    try:
        facts = read_facts(path)
        provenance = facts["provenance"]
        variant, crop = facts["variant"], facts["crop"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path} is not a float model of asmnet-edge: {error}",
            "A card is made of .keras files written by asmnet-edge train",
        ) from error
    return {
        "name": path.name,
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "scheme": facts["scheme"],
        **variant,
        "crop": crop,
        "licence": provenance.get("licence"),
        "notice": _notice(path),
        "training": [_part(n, part) for n, part in enumerate(_parts(provenance), start=1)],
    }


def _notice(path: Path) -> str | None:
    notice = path.with_name(NOTICE)
    return " ".join(notice.read_text(encoding="utf-8").split()) if notice.is_file() else None


def _parts(provenance: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Training runs that made the weights, in their order."""
    if isinstance(before := provenance.get(ORIGIN), Mapping):
        yield from _parts(before)
    if "training" in provenance:
        yield provenance


def _part(number: int, provenance: Mapping[str, Any]) -> dict[str, Any]:
    training = provenance["training"]
    faces = [*provenance.get("faces", ()), *(None for _ in training["data"])]
    data = [
        {**entry, "dataset": without_folders(entry["dataset"]), "faces": count}
        for entry, count in zip(training["data"], faces, strict=False)
    ]
    settings = {name: training.get(name, BEFORE.get(name)) for name in SETTINGS}
    size = training.get("variant", {}).get("input_size")
    outcome = {name: provenance.get(name) for name in OUTCOME}
    return {"run": number, "data": data, "input_size": size, **settings, **outcome}


def without_folders(words: str) -> str:
    """``csv:../data/ytf/train.csv`` -> ``csv:ytf/train.csv``, ``300w:DIR/300w`` -> ``300w``.

    Of a file, its name and that of its folder are kept; of a folder, the kind alone.
    """
    kind, _, argument = words.partition(":")
    parts = Path(argument).parts if Path(argument).suffix or kind == "synthetic" else ()
    return ":".join([kind, *(["/".join(parts[-FOLDERS:])] if parts else [])])
