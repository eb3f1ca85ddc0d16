"""How well a model does: by subset, by region, and its pose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asmnet_edge.benchmarks.card import pictures
from asmnet_edge.benchmarks.card.text.hard import range_in_words
from asmnet_edge.benchmarks.card.text.markdown import block, number, percent, subset, sure, table
from asmnet_edge.pose import AXES

Section = Mapping[str, Any]


def results(section: Section, card: Mapping[str, Any], folder: str) -> str:
    limit = number(section["failure_threshold_percent"], 0)
    names = list(section["subsets"][0]["nme_by_normaliser"])
    others = [name for name in names if name != "inter-ocular"]
    header = ("subset", "faces", f"NME % ({card['rules']['confidence_percent']} %)",
              *(f"over {name}" for name in others), f"FR@{limit} %", f"AUC@{limit} %")  # fmt: skip
    rows = (
        (
            *(subset(row["name"]), str(row["faces"]), sure(row["nme"], row["nme_interval"])),
            *(number(row["nme_by_normaliser"][name]) for name in others),
            *(percent(row["failure_rate"]), percent(row["auc"])),
        )
        for row in section["subsets"]
    )
    picture = f"![Share of faces by NME]({folder}/{pictures.CURVES})"
    return block("### Results by subset", table(header, rows), picture)


def regions(section: Section) -> str:
    rows_of = section["subsets"]
    rows = (
        (
            name.replace("_", " "),
            *(sure(r["regions"][name]["nme"], r["regions"][name]["interval"]) for r in rows_of),
        )
        for name in rows_of[0]["regions"]
    )
    header = ("NME % of the points of", *(subset(row["name"]) for row in rows_of))
    return block("### By region", table(header, rows))


def pose(section: Section) -> str:
    drawn = section["drawn"]
    rows = [
        (f"{subset(r['name'])}, {r['faces']} faces", r["pose_truth"], *_by_axis(r["pose"]))
        for r in section["subsets"]
    ]
    if drawn:
        name = f"drawn, {drawn['faces']} faces"
        rows.append((name, "exact", *_by_axis(drawn["pose"])))
        if wide := section.get("wide"):
            rows.append((f"drawn, wide, {wide['faces']} faces", "exact", *_by_axis(wide["pose"])))
        rows.append((f"{name}: the labels' own error", "exact", *_by_axis(drawn["labels"])))
    main = table(("MAE in degrees on", "truth", *AXES), rows)
    return block("### Pose", main, _labels(drawn), _by_yaw(drawn))


def _by_axis(figures: Section) -> tuple[str, ...]:
    return tuple(sure(figures[axis]["mae"], figures[axis]["interval"]) for axis in AXES)


def _labels(drawn: Section | None) -> str:
    if not drawn:
        return ""
    return (
        "Real faces have no exact pose: their truth is a mean face fitted to the annotated "
        "landmarks, which the network learnt from, too. The last line is how far such a fit to the "
        "exact landmarks of drawn faces lies off their exact pose. Published pose errors have "
        f"other labels and do not compare. On the drawn faces the NME is {number(drawn['nme'])} %."
    )


def _by_yaw(drawn: Section | None) -> str:
    if not drawn:
        return ""
    rows = (
        (range_in_words("yaw", part), str(part["faces"]), *(number(part[a]) for a in AXES))
        for part in drawn["by_yaw"]
    )
    return block(
        "The same on drawn faces by how far the head is turned:",
        table(("&#124;yaw&#124;", "faces", *AXES), rows),
    )
