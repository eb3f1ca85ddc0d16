"""``asmnet-edge sensitivity``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress
from rich.table import Table

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.terminal import import_quietly, notes, print_wide
from asmnet_edge.io.display import table
from asmnet_edge.io.files import SHIPPED_FLOAT, shipped

if TYPE_CHECKING:
    from asmnet_edge.converters.accuracy.simulation import Simulation
    from asmnet_edge.datasets.annotated_crops import AnnotatedCrops

FILES = ("sensitivity.json", "sensitivity.png")
DRAWN = "synthetic:512"
RANGED = 64  # crops to measure activation ranges on


@click.command()
@click.argument("model", required=False, type=MODEL)
@click.option(
    "--data",
    metavar="KIND:PATH",
    default=DRAWN,
    help="Faces to measure on: the training part of a data set, such as 300w:DIR.  "
    "[default: drawn faces]",
)
@click.option(
    "--by",
    "part",
    type=click.Choice(["block", "layer"]),
    default="block",
    show_default=True,
    help="Parts of the network to test.",
)
@click.option(
    "--faces",
    type=click.IntRange(4),
    default=64,
    show_default=True,
    help="Largest number of faces to measure on.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for sensitivity.json and sensitivity.png.",
)
@click.option("--overwrite", is_flag=True, help="Replace a result that exists.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the results as JSON instead of tables."
)
def command(
    model: Path | None,
    data: str,
    part: str,
    faces: int,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure how much accuracy each block of a float MODEL loses in int8.

    The default MODEL is the shipped ASMNet-68. Each block is tested alone in int8, and alone in
    float while the rest is in int8, on held-out training faces. Repairs of the weights
    (equalisation, bias correction) are tested on the whole network. Everything is simulated in
    Keras, so the results hold for all formats.
    """
    from asmnet_edge.io.files import make_folder, refuse_existing

    import_quietly("tensorflow", "keras", "matplotlib", extra="train")
    if output:
        refuse_existing([output / name for name in FILES], overwrite)
        make_folder(output)
    content = _measure(model or shipped(SHIPPED_FLOAT), data, part, faces, output)
    click.echo(json.dumps(content)) if as_json else _print(content)


def _measure(source: Path, data: str, part: str, count: int, output: Path | None) -> dict[str, Any]:
    from asmnet_edge.converters.accuracy.equalisation import choose_repair
    from asmnet_edge.converters.accuracy.sensitivity import (
        Judge,
        parts,
        save_sensitivity,
        sensitivity,
    )
    from asmnet_edge.io.files import write_json

    simulation, faces = _prepare(source, data, count)
    with Progress(console=notes, transient=True) as bar, silenced():
        task = bar.add_task("measuring", total=len(parts(simulation, part)) + 3)
        whole, rows = sensitivity(Judge(simulation, faces), part, lambda: bar.advance(task))
        repair = choose_repair(simulation, faces, lambda: bar.advance(task))
    content = {
        "faces": len(faces),
        "whole": whole.as_json(),
        "repairs": {name: score.as_json() for name, score in repair.scores.items()},
        "rows": [row.as_json() for row in rows],
    }
    if output:
        write_json(output / FILES[0], content)
        save_sensitivity(rows, output / FILES[1])
    return content


def _prepare(source: Path, data: str, count: int) -> tuple[Simulation, AnnotatedCrops]:
    from asmnet_edge.converters.accuracy.scores import faces_to_judge
    from asmnet_edge.converters.accuracy.simulation import Simulation
    from asmnet_edge.converters.calibration.calibration_set import calibrate_on
    from asmnet_edge.datasets.catalog import open_dataset
    from asmnet_edge.training.float_model import load_float_model

    with silenced():
        model = load_float_model(source)
    dataset, percent = open_dataset(data), model.validation_percent
    calibration = calibrate_on(dataset, model.crop, RANGED, percent)
    faces, _ = faces_to_judge(dataset, model.crop, model.scheme, count, percent)
    return Simulation(model, calibration.crops), faces


def _print(content: dict[str, Any]) -> None:
    print_wide(_rows(content["rows"]))
    print_wide(_repairs(content["repairs"]))
    print_wide(f"deviation from the float model in % of the inter-ocular distance, NME drop in %, "
               f"over {content['faces']} faces; simulated")  # fmt: skip


def _rows(rows: list[dict[str, Any]]) -> Table:
    names = ("alone: deviation", "drop", "spared: deviation", "drop", "gain", "multiply-adds")
    view = table("part", *names)
    for row in rows:
        share = f"{100 * row['multiply_adds']:.1f} %"
        view.add_row(
            row["name"], *_score(row["alone"]), *_score(row["spared"]), f"{row['gain']:+.3f}", share
        )
    return view


def _repairs(repairs: dict[str, Any]) -> Table:
    view = table("all but the heads in int8, repair", "deviation", "drop")
    for name, score in repairs.items():
        view.add_row(name, *_score(score))
    return view


def _score(score: dict[str, Any]) -> tuple[str, str]:
    drop = score.get("nme_drop")
    return f"{score['deviation']:.3f}", "" if drop is None else f"{drop:+.3f}"
