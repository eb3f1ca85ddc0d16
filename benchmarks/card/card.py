"""The model card as one JSON object, and the files made from it.

The object holds all that the text says, so that `render` can write a card anew without measuring.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asmnet_edge
from asmnet_edge.benchmarks.card.pictures import draw_pictures
from asmnet_edge.benchmarks.card.published import published
from asmnet_edge.benchmarks.device.info import DeviceInfo
from asmnet_edge.benchmarks.evaluation.yaw import FEWEST
from asmnet_edge.benchmarks.model_card.text import render
from asmnet_edge.data.sample import Dataset
from asmnet_edge.errors import DataError
from asmnet_edge.files import write_atomically, write_json

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
    """Return the whole card.

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
