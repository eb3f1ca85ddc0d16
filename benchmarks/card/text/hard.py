"""Known failures in words: what the figures show beyond chance, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asmnet_edge.benchmarks.card.text.markdown import number, subset, sure

Row = Mapping[str, Any]

# condition -> what it is, its unit, digits of its edges
CONDITIONS = {
    "yaw": ("head turned to a side, &#124;yaw&#124;", "°", 0),
    "pitch": ("head down (-) or up (+), pitch", "°", 0),
    "roll": ("head tilted, &#124;roll&#124;", "°", 0),
    "eyes": ("eyes open: lids apart over the eye's length", "", 2),
    "mouth": ("mouth open: inner lips apart over the eye corners' distance", "", 2),
    "size": ("longer side of the face in the picture", " px", 0),
}
# curve -> words for less and more of it, factor on its steps, unit
BOXES: Mapping[str, tuple[Any, ...]] = {
    "shift_x": ("to the left", "to the right", 100, " % of its side"),
    "shift_y": ("up", "down", 100, " % of its side"),
    "scale": ("", "", 1, " times its side"),
    "rotation": ("anticlockwise", "clockwise", 1, "°"),
}


def range_in_words(name: str, part: Row) -> str:
    """``10 to 20°``, ``under 10°``, ``30° and more``"""
    _, unit, digits = CONDITIONS[name]
    low, high = part["from"], part["to"]
    if low is None:
        return f"under {number(high, digits)}{unit}"
    if high is None:
        return f"{number(low, digits)}{unit} and more"
    return f"{number(low, digits)} to {number(high, digits)}{unit}"


def hard_conditions(row: Row, name: str, fewest: int) -> Iterator[str]:
    """Bins whose whole interval lies above that of all faces of ``row``, called ``name``.

    fewest : faces that a bin must have
    """
    overall = row.get("nme_interval") or row["interval"]
    for condition in row["conditions"]:
        for part in condition["bins"]:
            if part["faces"] >= fewest and part["nme_interval"][0] > overall[1]:
                what, where = (
                    CONDITIONS[condition["name"]][0],
                    range_in_words(condition["name"], part),
                )
                yield (
                    f"{name}, {what}: {where} ({part['faces']} faces): NME "
                    f"{sure(part['nme'], part['nme_interval'])} %, "
                    f"over all faces {number(row['nme'])} %."
                )


def hard_boxes(sensitivity: Row, times: float) -> Iterator[str]:
    """The least disturbance of the crop, each way, that makes the NME ``times`` as large."""
    for name, curve in sensitivity["curves"].items():
        steps = list(zip(curve["by"], curve["nme"], strict=True))
        usual = 1.0 if name == "scale" else 0.0
        _, well = min(steps, key=lambda step: abs(step[0] - usual))
        less = [step for step in reversed(steps) if step[0] < usual and step[1] > times * well]
        more = [step for step in steps if step[0] > usual and step[1] > times * well]
        for found, way in ((less, 0), (more, 1)):
            if found:
                yield _box(name, way, found[0], well)


def _box(name: str, way: int, step: tuple[float, float], well: float) -> str:
    *directions, factor, unit = BOXES[name]
    far = number(abs(factor * step[0]), 1 if name == "scale" else 0)
    moved = {"scale": "scaled to", "rotation": "with the face turned"}.get(name, "shifted")
    words = " ".join(word for word in (moved, f"{far}{unit}", directions[way]) if word)
    return f"Crop {words}: NME {number(step[1])} %, where it lies well {number(well)} %."


def known(section: Row, rules: Row) -> list[str]:
    """All known failures of a model, one sentence each."""
    fewest, drawn = rules["fewest_faces"], section["drawn"]
    subsets = [(row, subset(row["name"])) for row in section["subsets"]]
    named = [*subsets, *([(drawn, "Drawn faces")] if drawn else [])]
    found = [line for row, name in named for line in hard_conditions(row, name, fewest)]
    crops = section["sensitivity"]
    return [*found, *(hard_boxes(crops, rules["times"]) if crops else ())]
