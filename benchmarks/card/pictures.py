"""Pictures of a card, drawn from its figures alone: none shows a real face."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

from asmnet_edge.benchmarks.evaluation.figures import LINES, draw_sensitivity
from asmnet_edge.plots import new_figure, save_figure

CURVES = "ced.png"
OURS = re.compile(r"ced\.png|.+-(sensitivity|training)\.png|.+-(drawn|turned)\.jpg")


def stem(section: Mapping[str, Any]) -> str:
    """Return the beginning of the names of a model's pictures."""
    return Path(section["name"]).stem


def sensitivity_file(section: Mapping[str, Any]) -> str:
    return f"{stem(section)}-sensitivity.png"


def training_file(section: Mapping[str, Any]) -> str:
    return f"{stem(section)}-training.png"


def drawn_file(section: Mapping[str, Any]) -> str:
    """Name of the picture of the worst drawn faces, made while the model is measured."""
    return f"{stem(section)}-drawn.jpg"


def turned_file(section: Mapping[str, Any]) -> str:
    """Name of the picture of turned heads, made while the model is measured."""
    return f"{stem(section)}-turned.jpg"


def files_of(card: Mapping[str, Any]) -> set[str]:
    """Return the names of all pictures of ``card``."""
    found = {CURVES}
    for section in card["models"]:
        files = (
            (sensitivity_file, section["sensitivity"]),
            (training_file, section["log"]),
            (drawn_file, section["drawn"]),
            (turned_file, section.get("wide")),
        )
        found |= {name(section) for name, there in files if there}
    return found


def draw_pictures(card: Mapping[str, Any], folder: Path) -> None:
    """Write the curves of all models and, for each, sensitivity and training into ``folder``.

    Pictures of models that are no longer in the card are removed.
    """
    draw_curves(card, folder / CURVES)
    for section in card["models"]:
        if section["sensitivity"]:
            content = {"model": {"name": section["name"]}, "sensitivity": section["sensitivity"]}
            draw_sensitivity(content, folder / sensitivity_file(section))
        if section["log"]:
            draw_training(section, folder / training_file(section))
    for path in folder.iterdir():
        if OURS.fullmatch(path.name) and path.name not in files_of(card):
            path.unlink()


def draw_curves(card: Mapping[str, Any], path: Path) -> None:
    """Draw the cumulative error curve of each model and subset."""
    figure, axis = new_figure()
    for section, line in zip(card["models"], cycle(LINES)):
        for row in section["subsets"]:
            at, share = row["curve"]["at"], row["curve"]["share"]
            label = f"{stem(section)}, {row['name']} ({row['faces']} faces)"
            shown = [100 * value for value in share]
            axis.step(at, shown, where="post", label=label, linestyle=line)
    axis.set(xlim=(0, card["models"][0]["failure_threshold_percent"]), ylim=(0, 100))
    axis.set(xlabel="NME, % of the inter-ocular distance", ylabel="faces, %")
    axis.legend(fontsize="small")
    save_figure(figure, path)


def draw_training(section: Mapping[str, Any], path: Path) -> None:
    """Draw loss and validation NME over the steps of all runs; a dotted line ends each."""
    log = section["log"]
    figure, axes = new_figure(1, 2, inches=(9.6, 3.6))
    for axis, key, label in zip(
        axes.flat, ("loss", "validation"), ("loss", "validation NME, %"), strict=True
    ):
        if log[key]:
            axis.plot(
                *zip(*log[key], strict=True), marker="o" * (key == "validation"), markersize=3
            )
        axis.set(xlabel="step", ylabel=label)
        end = 0
        for part in log["parts"][:-1]:
            end += part["steps"]
            axis.axvline(end, color="grey", linestyle=":")
    axes.flat[0].set_yscale("log")
    axes.flat[1].set_ylim(bottom=0)
    figure.suptitle(f"{section['name']}: training")
    save_figure(figure, path)
