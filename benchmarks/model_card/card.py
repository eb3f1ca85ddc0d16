"""The model card: its options, its figures as one JSON object, and the files written from it.

It has the published results of others too, NME in % of the inter-ocular distance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asmnet_edge
from asmnet_edge.benchmarks.evaluation.subsets import FEWEST
from asmnet_edge.benchmarks.machine import DeviceInfo
from asmnet_edge.benchmarks.model_card.illustrations import draw_pictures
from asmnet_edge.benchmarks.model_card.measurements import shipped_int8
from asmnet_edge.benchmarks.model_card.provenance import (
    Known,
    facts_of,
    origin_of,
    read_known,
    without_folders,
)
from asmnet_edge.benchmarks.model_card.text import render
from asmnet_edge.datasets.sample import Dataset
from asmnet_edge.errors import DataError, UsageError
from asmnet_edge.io.files import write_atomically, write_json

SOURCE = (
    "Fard, Abdollahi, Mahoor, ASMNet: a Lightweight Deep Neural Network for Face Alignment and "
    "Pose Estimation, CVPRW 2021"
)
ADDRESS = "https://arxiv.org/abs/2103.00119"

# data set -> rows: whose model, and its NME by subset
NME: Mapping[str, tuple[tuple[str, Mapping[str, float]], ...]] = MappingProxyType(
    {
        "300w": (
            ("ASMNet", {"common": 5.86, "challenging": 8.80, "full": 6.46}),
            ("ASMNet with ASM loss", {"common": 4.82, "challenging": 8.20, "full": 5.50}),
            ("MobileNetV2", {"common": 3.93, "challenging": 7.52, "full": 4.70}),
            ("MobileNetV2 with ASM loss", {"common": 3.88, "challenging": 7.35, "full": 4.59}),
        ),
    }
)


def published(dataset: str) -> dict[str, Any] | None:
    """Return published results on ``dataset``; None if there are none here."""
    if dataset not in NME:
        return None
    rows = [{"name": name, "nme": dict(figures)} for name, figures in NME[dataset]]
    return {"source": SOURCE, "address": ADDRESS, "rows": rows}


# Options


@dataclass(frozen=True)
class CardPlan:
    """Options of a card.

    models : float model files; data : data set, KIND:PATH; output : path without suffix
    known : TOML file with remarks on weights; faces : of each kind at most, None for all
    drawn, wide : number of drawn faces nearly frontal, and of every yaw
    """

    models: tuple[Path, ...]
    data: str
    output: Path
    known: Path
    faces: int | None = None
    drawn: int = 1000
    wide: int = 500

    def __post_init__(self) -> None:
        if not self.models or not self.data:
            raise UsageError("a card needs a MODEL.keras and --data", "Such as --data 300w:DIR")
        if len({path.stem for path in self.models}) < len(self.models):
            raise UsageError("two models have the same name", "Rename one of the files")

    def at_most(self, count: int) -> int:
        """Return ``count`` faces, or as few as ``faces`` allows."""
        return min(count, self.faces or count)

    def origins(self) -> dict[Path, dict[str, Any]]:
        """Return origin, remarks and training log of each model."""
        known = read_known(self.known)
        return {path: self._origin(path, known) for path in self.models}

    def _origin(self, path: Path, known: dict[str, Known]) -> dict[str, Any]:
        origin = origin_of(path)
        digest = origin["sha256"]
        shipped_int8(path, digest)  # raises if they do not belong together
        return {**origin, "path": shown(path), **facts_of(digest, known)}

    @property
    def data_words(self) -> str:
        """The data set without its path: ``300w:DIR``."""
        words = without_folders(self.data)
        return words if ":" in words else f"{words}:DIR"

    @property
    def command(self) -> str:
        """The command that makes the card again, without paths of this machine."""
        models, output = " ".join(map(shown, self.models)), shown(self.output)
        faces = f" --faces {self.faces}" if self.faces else ""
        words = f"python scripts/make_card.py {models} --data {self.data_words}{faces}"
        return f"{words} --output {output}"


def shown(path: Path) -> str:
    """Return ``path`` relative to the working directory; its name alone if it lies elsewhere."""
    here, there = Path.cwd(), path.resolve()
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else path.name


# The card as one JSON object, and its files

SCHEMA_VERSION = 1
RULES = {
    "confidence_percent": 95,
    "resamples": 2000,  # see `metrics.bootstrap_interval`
    "fewest_faces": FEWEST,  # of a bin, before it is called hard; of a range of yaw
    "times": 1.5,  # factor on the NME from which a displaced crop is a known failure
}
MACHINE = (
    "cpu",
    "architecture",
    "cores",
    "features",
    "system",
    "python",
    "packages",
)  # of a machine


def card_of(
    sections: Sequence[dict[str, Any]], dataset: Dataset, given: str, command: str, most: int | None
) -> dict[str, Any]:
    """Return the whole card: all that its text says, so that `render` needs no new measurement.

    given : the data set as the user named it, without a path; command : that makes the card
    most : faces a subset, None for all
    """
    machine = DeviceInfo.of_this_machine().as_json()
    return {
        "schema_version": SCHEMA_VERSION,
        "asmnet_edge": asmnet_edge.__version__,
        "command": command,
        "limited_to": most,
        "machine": {key: machine[key] for key in MACHINE},
        "data": {
            "name": dataset.name,
            "given": given,
            "scheme": dataset.scheme.name,
            "licence": dataset.licence,
        },
        "rules": RULES,
        "published": published(dataset.name),
        "models": list(sections),
    }


def paths_of(output: Path) -> tuple[Path, Path, Path]:
    """Return the paths of text, figures and pictures of the card at ``output`` (no suffix)."""
    return output.with_name(f"{output.name}.md"), output.with_name(f"{output.name}.json"), output


def write_card(card: Mapping[str, Any], output: Path) -> None:
    """Write the figures, the pictures and, last, the text."""
    text, figures, folder = paths_of(output)
    write_json(figures, card)
    draw_pictures(card, folder)
    write_atomically(text, render(card, folder.name).encode())


def read_card(output: Path) -> dict[str, Any]:
    """Read the figures of the card at ``output``; `DataError` if there is none of this version."""
    path = paths_of(output)[1]
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if card["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"its schema version is {card['schema_version']!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} holds no model card: {error}", "Make it with scripts/make_card.py"
        ) from error
    return card
