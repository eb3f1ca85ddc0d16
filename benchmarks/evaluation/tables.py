"""Tables of an evaluation for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from asmnet_edge.benchmarks.evaluation.subsets import FEWEST
from asmnet_edge.benchmarks.evaluation_faces import faces_in_words, gaps_in_words
from asmnet_edge.io.display import table

SHOWN = ("nme", "failure_rate", "auc")  # metrics of one number that have columns of their own
# curve -> how its steps are written
STEPS = {
    "shift_x": lambda by: f"{100 * by:+.0f} %",
    "shift_y": lambda by: f"{100 * by:+.0f} %",
    "scale": lambda by: f"x {by:.1f}",
    "rotation": lambda by: f"{by:+.0f}°",
}


def evaluation_table(content: dict[str, Any]) -> Group:
    """Return title, figures by subset, region and yaw, sensitivity, tilted heads and notes."""
    regions = _by(content, "nme_by_region", "NME % of")
    pose = _by(content, "pose_mae", "pose MAE, °")
    title = Text(_title(content), style="bold")
    parts: list[RenderableType] = [title, _figures(content)]
    if (others := _other_metrics(content)) is not None:
        parts.append(others)
    parts += [regions, pose, _by_yaw(content)]
    if content["sensitivity"]:
        parts += [Text(_sensitivity_title(content), style="bold"), _sensitivity(content)]
    if "tilt" in content:
        parts += [Text("NME % by rotation of the picture", style="bold"), _tilt(content)]
    return Group(*parts, Text("\n".join(content["notes"])))


def _title(content: dict[str, Any]) -> str:
    model, data = content["model"], content["data"]
    return f"{model['name']} ({model['precision']}, {model['runtime']}) on {data['name']}"


def _figures(content: dict[str, Any]) -> Table:
    limit = f"{content['failure_threshold_percent']:.0f}"
    upright = _has_upright(content)
    view = table(
        *("subset", "faces", "NME %", "95 %", *(("upright",) if upright else ())),
        *("pupils", "box", f"FR@{limit} %", f"AUC@{limit} %"),
    )
    for row in content["subsets"]:
        faces = faces_in_words(row["faces"], row["missing"], row["broken"]).removesuffix("faces")
        low, high = row["nme_interval"]
        by = row["nme_by_normaliser"]
        nme, pupils, face = _rounded((row["nme"], by["inter-pupil"], by["box"]))
        rates = f"{100 * row['failure_rate']:.1f}", f"{100 * row['auc']:.1f}"
        turned = _rounded([row["upright"]["nme"]]) if upright else []
        interval = f"{low:.2f}-{high:.2f}"
        view.add_row(row["name"], faces.strip(), nme, interval, *turned, pupils, face, *rates)
    return view


def _other_metrics(content: dict[str, Any]) -> Table | None:
    """Table of further metrics that are one number a subset; None if there are none."""
    rows = content["subsets"]
    names = [k for k, v in rows[0].items() if isinstance(v, float) and k not in SHOWN]
    if not names:
        return None
    view = table("subset", *(name.replace("_", " ") for name in names))
    for row in rows:
        view.add_row(row["name"], *(f"{row[name]:.3g}" for name in names))
    return view


def _has_upright(content: dict[str, Any]) -> bool:
    return all("upright" in row for row in content["subsets"])


def _by(content: dict[str, Any], figure: str, title: str) -> Table:
    """Table with a column for each part of ``figure``: each region, each axis."""
    parts = content["subsets"][0][figure]
    view = table(title, *(part.replace("_", " ") for part in parts))
    for row in content["subsets"]:
        view.add_row(row["name"], *_rounded(row[figure].values()))
    return view


def _by_yaw(content: dict[str, Any]) -> Table:
    """Table with a line for each subset and range of |yaw|; that yaw is exact or fitted."""
    upright = _has_upright(content)
    turned = ("box, upright",) if upright else ()
    view = table("subset", "|yaw|", "yaw is", "faces", "NME %", "box", *turned, "yaw MAE, °")
    for row in content["subsets"]:
        for number, part in enumerate(row["by_yaw"]):
            name = row["name"] if number == 0 else ""
            figures = [part["nme"], part["nme_box"], part["yaw_mae"]]
            if upright:
                figures.insert(2, row["upright"]["by_yaw"][number]["nme_box"])
            cells = _rounded(figures) if part["faces"] >= FEWEST else ["too few"]
            view.add_row(name, yaw_range(part), yaw_truth(row), str(part["faces"]), *cells)
    return view


def yaw_range(part: Mapping[str, Any]) -> str:
    """``15-30°``"""
    return f"{part['from']:.0f}-{part['to']:.0f}°"


def yaw_truth(row: Mapping[str, Any]) -> str:
    """Return ``exact`` or ``fitted``: the origin of the yaw that ``row`` is sorted by."""
    return str(row["pose_truth"]).partition(" ")[0]


def _sensitivity_title(content: dict[str, Any]) -> str:
    faces = content["sensitivity"]["faces"]
    return f"NME % by displacement of the crop, {faces} evenly chosen face{'s' * (faces != 1)}"


def _sensitivity(content: dict[str, Any]) -> Table:
    """Table with two lines a curve: displacement of the crop, and the NME there."""
    curves = content["sensitivity"]["curves"]
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_header=False)
    view.add_column(no_wrap=True)
    for _ in next(iter(curves.values()))["by"]:
        view.add_column(justify="right", no_wrap=True)
    for name, curve in curves.items():
        steps = [STEPS[name](by) for by in curve["by"]]
        view.add_row(name.replace("_", " "), *steps, style="dim")
        view.add_row("", *_rounded(curve["nme"]))
    return view


def _tilt(content: dict[str, Any]) -> Table:
    """Table with a column for each tilt: NME of each subset, and inferences a face."""
    tilt = content["tilt"]
    view = table("subset", *(f"{by:.0f}°" for by in tilt["degrees"]))
    for row in tilt["subsets"]:
        view.add_row(row["name"], *_rounded(row["nme"]))
        view.add_row("inferences a face", *_rounded(row["inferences"]), style="dim")
    return view


def _rounded(figures: Iterable[float]) -> list[str]:
    return [f"{figure:.2f}" for figure in figures]


def notes_of(content: dict[str, Any]) -> list[str]:
    """Return notes on the figures: missing parts, drawn faces, origin of the pose."""
    lines = []
    for row in content["subsets"]:
        if gaps := gaps_in_words(row["missing"], row["broken"], row["name"]):
            count = faces_in_words(row["faces"], row["missing"], row["broken"])
            lines.append(f"{row['name']}: {count}, without {gaps}")
    if any(row["name"] == "train" for row in content["subsets"]):
        lines.append(
            "train: the model may have been trained on these faces, so its results are too good"
        )
    if content["data"]["drawn"]:
        lines.append("drawn faces: no accuracy on real ones; give --data for that")
    truths = sorted({row["pose_truth"] for row in content["subsets"]})
    lines.append(
        "NME: mean error / distance of the outer eye corners; pupils: / distance of the pupils; "
        "box: / size of the box around the face"
    )
    if _has_upright(content):
        lines.append(
            "upright: NME in crops that are rotated by the annotated tilt, as this network expects "
            "them; all other results use level crops, as the protocols of the data sets do"
        )
    lines += [f"true pose: {truth}" for truth in truths]
    if any(part["faces"] < FEWEST for row in content["subsets"] for part in row["by_yaw"]):
        lines.append(f"|yaw|: ranges with fewer than {FEWEST} faces have no result")
    if content["sensitivity"]:
        lines.append(
            "shift: the centre of the crop moves to the right (x) or down (y), in % of its side"
        )
        lines.append(
            "scale: the side of the crop is multiplied by this; rotation: of the face, clockwise"
        )
    if "tilt" in content:
        lines.append(
            "rotation of the picture: clockwise; the runtime starts from the tight box of the "
            "rotated landmarks"
        )
    return lines
