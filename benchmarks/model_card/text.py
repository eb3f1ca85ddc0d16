"""Text of a model card: a pure function of its figures. No number is written here or in a template.

The templates in ``templates/`` hold the words; a paragraph may run over several lines there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.evaluation.tables import STEPS, yaw_range, yaw_truth
from asmnet_edge.benchmarks.evaluation_faces import gaps_in_words
from asmnet_edge.benchmarks.model_card.illustrations import (
    CURVES,
    drawn_file,
    sensitivity_file,
    stem,
    training_file,
    turned_file,
)
from asmnet_edge.errors import require
from asmnet_edge.geometry.pose import AXES
from asmnet_edge.io.display import EXTRA

Row = Mapping[str, Any]

TEMPLATES = Path(__file__).with_name("templates")
BLOCKS = ("|", "* ", "#", "```", "!", "**")  # beginnings of lines that start a new paragraph
# condition -> its description, unit, and digits of its edges
CONDITIONS = {
    "yaw": ("&#124;yaw&#124;", "°", 0),
    "pitch": ("pitch (up is positive)", "°", 0),
    "roll": ("&#124;roll&#124;", "°", 0),
    "eyes": ("opening of the eyes (distance of the lids / length of the eye)", "", 2),
    "mouth": (
        "opening of the mouth (distance of the inner lips / distance of the eyes)",
        "",
        2,
    ),
    "size": ("size of the face (longer side of its box)", " px", 0),
}
# curve -> words for less and more of it, factor on its steps, unit
BOXES: Mapping[str, tuple[Any, ...]] = {
    "shift_x": ("to the left", "to the right", 100, " % of its side"),
    "shift_y": ("up", "down", 100, " % of its side"),
    "scale": ("", "", 1, " times its side"),
    "rotation": ("anticlockwise", "clockwise", 1, "°"),
}


def render(card: Row, folder: str) -> str:
    """Return the card as Markdown; ``folder`` : of its pictures, as seen from the text."""
    return render_part("card", card=card, folder=folder)


def render_part(name: str, **content: Any) -> str:
    """Return the template ``name`` filled with ``content``, one line a paragraph."""
    text: str = _environment().get_template(f"{name}.md").render(content)
    return _reflowed(text)


def _environment() -> Any:
    jinja2 = require("jinja2", EXTRA)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({each.__name__: each for each in FILTERS})
    environment.filters["unique_in_order"] = lambda items: list(dict.fromkeys(items))
    environment.globals.update({each.__name__: each for each in FUNCTIONS})
    environment.globals.update(AXES=AXES, STEPS=STEPS, CONDITIONS=CONDITIONS, CURVES=CURVES)
    return environment


def _reflowed(text: str) -> str:
    """Join the lines of each paragraph of Markdown, and leave one empty line between paragraphs."""
    lines: list[str] = []
    for raw in text.splitlines():
        line, before = raw.strip(), lines[-1] if lines else ""
        if line and before and not line.startswith(BLOCKS) and not _stands_alone(before):
            lines[-1] = f"{before} {line}"
        elif line or before:
            lines.append(line)
    return "\n".join(lines).strip() + "\n"


def _stands_alone(line: str) -> bool:
    """Whether the line after ``line`` does not belong to it: tables, headings, code."""
    return line.startswith(("|", "#", "```", "python "))


# figures in words


def ruler(columns: int) -> str:
    """Second line of a table: all columns but the first are right-aligned."""
    return f"| {' | '.join(['---', *['--:'] * (columns - 1)])} |"


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    """``value`` rounded; ``sign`` writes a plus, too. What rounds to nothing has no minus."""
    value = round(value, digits) + 0.0
    return f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"


def sure(value: float, interval: Sequence[float], digits: int = 2, sign: bool = False) -> str:
    """``4.81 (4.62 to 5.02)``"""
    ends = " to ".join(number(end, digits, sign) for end in interval)
    return f"{number(value, digits, sign)} ({ends})"


def percent(share: float, digits: int = 1) -> str:
    """``share`` of 1 in per cent."""
    return number(100 * share, digits)


def code(text: object) -> str:
    return f"`{text}`"


def short(sha256: str) -> str:
    """The beginning of a hash, as code."""
    return code(sha256[:12])


def subset(name: str) -> str:
    return f"*{name}*"


def settings_in_words(values: Mapping[str, float] | None) -> str:
    """``noise 0.1, blur 2``; ``nothing`` without values."""
    return ", ".join(f"{name} {value:g}" for name, value in (values or {}).items()) or "nothing"


def changed(run: Row) -> dict[str, float]:
    """Augmentations of the last part of ``run`` that differ from those of its first."""
    first, last = run["augmentation"] or {}, run.get("last_augmentation") or {}
    return {name: value for name, value in last.items() if first.get(name) != value}


def rows_by_yaw(section: Row) -> list[tuple[str, Row]]:
    """Return name and results of all rows with results by yaw; empty for an old card."""
    rows = [(subset(row["name"]), row) for row in section["subsets"] if "by_yaw" in row]
    return [*rows, ("drawn, wide", section["wide"])] if section.get("wide") else rows


def calibrated_together(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Calibration faces in words -> formats that were calibrated on them."""
    formats: dict[str, list[str]] = {}
    for row in rows:
        if facts := row["calibration"]:
            faces = f"{facts['count']} faces of {facts['source']}"
            formats.setdefault(faces, []).append(row["format"])
    return formats


def range_in_words(name: str, part: Row) -> str:
    """``10 to 20°``, ``under 10°``, ``30° and more``"""
    _, unit, digits = CONDITIONS[name]
    low, high = part["from"], part["to"]
    if low is None:
        return f"under {number(high, digits)}{unit}"
    if high is None:
        return f"{number(low, digits)}{unit} and more"
    return f"{number(low, digits)} to {number(high, digits)}{unit}"


# known failures: differences that are larger than chance, and nothing else


def known_failures(section: Row, rules: Row) -> list[str]:
    """All known failures of a model, one sentence each."""
    fewest, drawn = rules["fewest_faces"], section["drawn"]
    subsets = [(row, subset(row["name"])) for row in section["subsets"]]
    named = [*subsets, *([(drawn, "Drawn faces")] if drawn else [])]
    found = [line for row, name in named for line in hard_conditions(row, name, fewest)]
    crops = section["sensitivity"]
    return [*found, *(hard_boxes(crops, rules["times"]) if crops else ())]


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
                    f"compared with {number(row['nme'])} % over all faces."
                )


def hard_boxes(sensitivity: Row, times: float) -> Iterator[str]:
    """The least displacement of the crop, each way, that makes the NME ``times`` as large."""
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
    moved = {"scale": "scaled to", "rotation": "with the face rotated"}.get(name, "shifted")
    words = " ".join(word for word in (moved, f"{far}{unit}", directions[way]) if word)
    return f"Crop {words}: NME {number(step[1])} %, compared with {number(well)} % undisplaced."


# filters and functions of the templates
FILTERS: tuple[Callable[..., Any], ...] = (
    *(number, sure, percent, code, short, subset, settings_in_words),
)
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(stem, drawn_file, sensitivity_file, training_file, turned_file),
    *(gaps_in_words, range_in_words, yaw_range, yaw_truth, rows_by_yaw),
    *(known_failures, changed, ruler, calibrated_together),
)
