"""What a model makes of a crop that does not lie by the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.card import pictures
from asmnet_edge.benchmarks.card.text.markdown import block, number, percent, subset, sure, table
from asmnet_edge.benchmarks.evaluation.table import STEPS

Section = Mapping[str, Any]


def box(section: Section, folder: str) -> str:
    detected = (_detected(row) for row in section["subsets"])
    return block("### Sensitivity to the box", *_displaced(section, folder), *detected)


def _displaced(section: Section, folder: str) -> Iterator[str]:
    if not (found := section["sensitivity"]):
        return
    tables = [
        table(
            (name.replace("_", " "), *(STEPS[name](by) for by in curve["by"])),
            [("NME %", *(number(nme) for nme in curve["nme"]))],
        )
        for name, curve in found["curves"].items()
    ]
    said = (
        f"NME of {found['faces']} faces, evenly chosen, when the crop does not lie by the rule. "
        "Shift: of its centre to the right and down, in per cent of its side; scale: of its side; "
        "rotation: of the face, clockwise."
    )
    file = f"{folder}/{pictures.sensitivity_file(section)}"
    yield block(said, *tables, f"![NME by how it lies]({file})")


def _detected(row: Section) -> str:
    boxes, name = row["detector"], subset(row["name"])
    found = f"{boxes['name']} finds {boxes['faces']} of the {boxes['of']} faces of {name}."
    if not boxes["faces"]:
        return found
    return (
        f"{found} In its boxes their NME is {sure(boxes['nme'], boxes['nme_interval'])} %, in "
        f"those of the annotations {number(boxes['nme_annotated'])} %: a change by "
        f"{sure(boxes['rise'], boxes['rise_interval'], sign=True)} points. Failed: "
        f"{percent(boxes['failure_rate'])} % and {percent(boxes['failure_rate_annotated'])} %."
    )
