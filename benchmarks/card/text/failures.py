"""Known failures: what is hard, which faces came out worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.card import pictures
from asmnet_edge.benchmarks.card.text.hard import CONDITIONS, known, range_in_words
from asmnet_edge.benchmarks.card.text.markdown import (
    block,
    bullets,
    code,
    number,
    percent,
    subset,
    sure,
    table,
)
from asmnet_edge.pose import AXES

Section = Mapping[str, Any]


def failures(section: Section, card: Mapping[str, Any], folder: str) -> str:
    rules = card["rules"]
    said = (
        "Only what the figures show: conditions under which the whole interval lies above that of "
        f"all faces, in bins of at least {rules['fewest_faces']} faces; and the least displacement "
        f"of the crop that makes the NME {rules['times']:g} times as large."
    )
    found = bullets(known(section, rules)) or "No condition stands out so far."
    return block(
        *("### Known failures", said, found),
        *(_conditions(row) for row in section["subsets"]),
        *(_worst(row, section, card["data"]["given"]) for row in section["subsets"]),
        *_drawn(section, folder),
    )


def _conditions(row: Section) -> str:
    rows = (
        (
            # said once: the lines below are of the same condition
            CONDITIONS[found["name"]][0] if part is found["bins"][0] else "",
            *(range_in_words(found["name"], part), str(part["faces"])),
            *(sure(part["nme"], part["nme_interval"]), percent(part["failure_rate"])),
        )
        for found in row["conditions"]
        for part in found["bins"]
    )
    name = subset(row["name"])
    largest = (
        f"No face of this copy of {name} is larger than {number(row['largest_px'], 0)} pixels."
    )
    return block(table((name, "range", "faces", "NME %", "FR %"), rows), largest)


def _worst(row: Section, section: Section, data: str) -> str:
    header = (f"worst of {subset(row['name'])}", "NME %", *(f"{axis} °" for axis in AXES))
    rows = (
        (code(f["name"]), number(f["nme"], 1), *(number(f[axis], 0) for axis in AXES))
        for f in row["worst"]
    )
    command = f"asmnet-edge evaluate {section['path']} --data {data} --output evaluation"
    told = "Their pictures may not be shown here. They are drawn, as `worst-faces.png`, by:"
    return block(table(header, rows), told, f"```sh\n{command}\n```")


def _drawn(section: Section, folder: str) -> Iterator[str]:
    if drawn := section["drawn"]:
        yield f"The worst of the {drawn['faces']} drawn faces (green: exact, red: found):"
        yield f"![The worst drawn faces]({folder}/{pictures.drawn_file(section)})"
