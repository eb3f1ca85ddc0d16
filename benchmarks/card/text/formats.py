"""What int8 costs in each format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asmnet_edge.benchmarks.card.text.markdown import block, number, subset, sure, table
from asmnet_edge.pose import AXES

Section = Mapping[str, Any]


def formats(section: Section) -> str:
    rows = section["formats"]
    if not rows:
        return ""
    tables = (_costs(rows, row["name"]) for row in section["subsets"])
    return block("### What int8 costs", _calibrated(rows), *tables, _runtimes(rows))


def _calibrated(rows: list[Section]) -> str:
    """The formats that were calibrated on the same faces are named together."""
    formats: dict[str, list[str]] = {}
    for row in rows:
        if facts := row["calibration"]:
            faces = f"{facts['count']} faces of {facts['source']}"
            formats.setdefault(faces, []).append(row["format"])
    said = "; ".join(f"{', '.join(names)} on {faces}" for faces, names in formats.items())
    return f"Calibrated: {said}." if said else ""


def _costs(rows: list[Section], name: str) -> str:
    header = (f"int8 on {subset(name)}", "NME %", "drop, points", "deviation %", "px",
              "pose drop °: yaw, pitch, roll")  # fmt: skip
    return table(header, (_cost(row, row["subsets"][name]) for row in rows))


def _cost(row: Section, found: Section) -> tuple[str, ...]:
    drop = sure(found["nme_drop"], found["nme_drop_interval"], 3, sign=True)
    pose = ", ".join(number(found["pose_mae_drop"][axis], 3, sign=True) for axis in AXES)
    deviation = number(found["deviation_iod_percent"]), number(found["deviation_pixels"])
    name = row["format"] + (", shipped" if row["shipped"] else "")
    return name, number(found["nme"]), drop, *deviation, pose


def _runtimes(rows: list[Section]) -> str:
    ran = ", ".join(f"{row['format']} in {row['runtime']}" for row in rows)
    shares = ", ".join(
        f"{row['format']} {row['operators']['int8']} of {row['operators']['total']}" for row in rows
    )
    return (
        "Drop: NME less the float model's on the same crops, face by face. Deviation: distance to "
        "the float model's landmarks, in per cent of the inter-ocular distance and in crop pixels. "
        f"Ran: {ran}, on the machine named above. Operators in int8: {shares}."
    )
