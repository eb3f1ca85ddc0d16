"""What the card says of one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asmnet_edge.benchmarks.card.text.accuracy import pose, regions, results
from asmnet_edge.benchmarks.card.text.box import box
from asmnet_edge.benchmarks.card.text.failures import failures
from asmnet_edge.benchmarks.card.text.formats import formats
from asmnet_edge.benchmarks.card.text.markdown import block, bullets, code, number, short
from asmnet_edge.benchmarks.card.text.training import training_text
from asmnet_edge.benchmarks.card.text.turned import turned

Section = Mapping[str, Any]


def model_section(section: Section, card: Mapping[str, Any], folder: str) -> str:
    """``folder`` : of the pictures, as seen from the text."""
    return block(
        f"## {code(section['name'])}",
        _what(section),
        training_text(section, folder),
        results(section, card, folder),
        pose(section),
        regions(section),
        turned(section, card, folder),
        box(section, folder),
        formats(section),
        failures(section, card, folder),
    )


def _what(section: Section) -> str:
    size, margin = section["input_size"], section["crop"]["margin"]
    upright = ", turned so that the face is upright" if section["crop"].get("upright") else ""
    shipped = [row for row in section["formats"] if row["shipped"]]
    lines = [
        f"{section['architecture']}, alpha {section['alpha']:g}, {section['points']} points "
        f"({section['scheme']}), {number(section['parameters'] / 1e6)} M parameters, "
        f"{number(section['multiply_adds'] / 1e6, 1)} M multiply-adds.",
        f"Takes a square crop of {size} pixels a side, {margin:g} times the longer side of the "
        f"box around the landmarks{upright}, and gives landmarks and pose (yaw, pitch, roll).",
        _file(section),
        *map(_file, shipped),
    ]
    return bullets(lines)


def _file(row: Section) -> str:
    megabytes = number(row["bytes"] / 1e6)
    return f"{code(row['name'])}: {megabytes} MB, SHA-256 begins with {short(row['sha256'])}."
