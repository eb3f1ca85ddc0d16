"""Origin of a float model as its file states it: network, training, licence."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asmnet_edge.data.split import PERCENT
from asmnet_edge.errors import ModelError
from asmnet_edge.files import sha256
from asmnet_edge.training.facts import read_facts

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
    """``csv:../shared/data/ytf/train.csv`` -> ``csv:ytf/train.csv``, ``300w:DIR/300w`` -> ``300w``.

    Of a file its own name and its folder's tell what it is; of a folder its kind does.
    """
    kind, _, argument = words.partition(":")
    parts = Path(argument).parts if Path(argument).suffix or kind == "synthetic" else ()
    return ":".join([kind, *(["/".join(parts[-FOLDERS:])] if parts else [])])
