"""What a model makes of heads that are turned to a side, and of pictures that are turned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asmnet_edge.benchmarks.card import pictures
from asmnet_edge.benchmarks.card.text.markdown import block, number, percent, subset, table
from asmnet_edge.benchmarks.evaluation.table import yaw_range, yaw_truth

Section = Mapping[str, Any]


def turned(section: Section, card: Mapping[str, Any], folder: str) -> str:
    """Empty for a card from before any of it was measured."""
    rows = [(subset(row["name"]), row) for row in section["subsets"] if "by_yaw" in row]
    if wide := section.get("wide"):
        rows.append(("drawn, wide", wide))
    if not rows:
        return ""
    return block(
        "### Turned and tilted heads",
        _by_yaw(rows, card["rules"]["fewest_faces"]),
        _tilt(section["tilt"]),
        _gallery(section, folder) if wide else "",
    )


def _by_yaw(rows: Sequence[tuple[str, Section]], fewest: int) -> str:
    """Of each subset, ranges of |yaw| and what the model does there."""
    upright = all("upright" in row for _, row in rows)
    header = ("faces of", "&#124;yaw&#124;", "yaw is", "faces", "NME %", "over box",
              *(["over box, upright"] if upright else []), "yaw MAE °")  # fmt: skip
    lines = (line for name, row in rows for line in _lines(name, row, upright, fewest))
    said = (
        "By how far the head is turned to a side. The eye corners of a profile lie close together, "
        f"so compare the NME over the box there. Of fewer than {fewest} faces no figure is given."
    )
    turned_crops = "Upright: in crops turned by the annotated tilt, as the runtime cuts them."
    return block(said, table(header, lines), turned_crops if upright else "")


def _lines(name: str, row: Section, upright: bool, fewest: int) -> Iterator[tuple[str, ...]]:
    for at, part in enumerate(row["by_yaw"]):
        figures = [part["nme"], part["nme_box"], part["yaw_mae"]]
        if upright:
            figures.insert(2, row["upright"]["by_yaw"][at]["nme_box"])
        cells = ["too few", *[""] * (len(figures) - 1)]
        if part["faces"] >= fewest:
            cells = [number(figure) for figure in figures]
        yield ("" if at else name, yaw_range(part), yaw_truth(row), str(part["faces"]), *cells)


def _tilt(tilt: Section) -> str:
    """A column for each tilt."""
    header = ("picture turned clockwise by", *(f"{number(by, 0)}°" for by in tilt["degrees"]))
    rows = (
        ("NME %", *(number(nme) for nme in tilt["nme"])),
        ("failed, %", *(percent(share) for share in tilt["failure_rate"])),
        ("inferences a face", *(number(count) for count in tilt["inferences"])),
    )
    said = (
        f"Pictures of {tilt['faces']} of the test faces, evenly chosen, turned about the face. "
        "The model looks as the runtime does: at the tight box of the turned landmarks first, then "
        "at crops by the landmarks that it saw itself."
    )
    return block(said, table(header, rows))


def _gallery(section: Section, folder: str) -> str:
    said = (
        "Drawn heads, looked at in the same way; the last two rows are turned pictures. Below each "
        "stands its exact yaw, pitch and roll, then what was found."
    )
    return block(said, f"![Turned heads]({folder}/{pictures.turned_file(section)})")
