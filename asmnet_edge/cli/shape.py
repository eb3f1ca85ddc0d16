"""``asmnet-edge shape``: fit a shape model to annotated faces, and show one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.terminal import BrokenFaces, broken_option, notes, print_wide
from asmnet_edge.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Group

    from asmnet_edge.datasets.sample import Dataset, Sample
    from asmnet_edge.geometry.shape_model import PointDistributionModel

PERCENTS = (90, 95, 97, 99)  # of the variance, for which the number of modes is printed
DRAWN = 5  # modes in the picture by default


@click.group()
def command() -> None:
    """Fit a shape model to annotated faces, and draw its modes."""


@command.command()
@click.option(
    "--data",
    multiple=True,
    required=True,
    metavar="KIND:PATH",
    help="Data set whose training part is used, such as 300w:DIR.  May be repeated.",
)
@click.option(
    "--variance",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.90,
    show_default=True,
    help="Share of the variance that the modes explain together.",
)
@click.option(
    "--align",
    "alignment",
    type=click.Choice(["box", "procrustes"]),
    default="box",
    show_default=True,
    help="Align each face by its box, or rotate all faces onto their mean as well.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("shape.npz"),
    show_default=True,
    help="Shape model to write (.npz).",
)
@broken_option
@click.option("--overwrite", is_flag=True, help="Replace a model that exists.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the numbers as JSON instead of the table."
)
def fit(
    data: tuple[str, ...],
    variance: float,
    alignment: str,
    output: Path,
    broken: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Fit mean shape and principal modes to the training faces of the data sets.

    Only the landmarks are read, not the pictures. `train` does not need this file: it fits its own
    shape model, aligned by box. Use this one for inspection or in your own programs.
    """
    import numpy as np

    from asmnet_edge.geometry.shape_model import PointDistributionModel
    from asmnet_edge.io.files import refuse_existing

    if output.suffix != ".npz":
        raise UsageError(f"a shape model is a .npz file, got {output}")
    refuse_existing([output], overwrite)
    samples = _training_samples(data, BrokenFaces(broken))
    shapes = np.stack([sample.landmarks.points for sample in samples])
    scheme = samples[0].landmarks.scheme
    model = PointDistributionModel.fit(shapes, variance, alignment, scheme)
    model.save(output)
    _print(model, as_json)
    notes.print(f"written: {output}", soft_wrap=True)


@command.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), help="Picture of the modes to write (.png)."
)
@click.option(
    "--modes",
    type=click.IntRange(1),
    help=f"Number of modes to draw.  [default: all, at most {DRAWN}]",
)
@click.option("--overwrite", is_flag=True, help="Replace a picture that exists.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the numbers as JSON instead of the table."
)
def show(
    model: Path, output: Path | None, modes: int | None, overwrite: bool, as_json: bool
) -> None:
    """Print the contents of a shape MODEL; with --output draw its modes.

    Each row of the picture shows one mode: the mean shape moved by -3, 0 and +3 standard
    deviations, which are the limits that the ASM-assisted loss applies.
    """
    from asmnet_edge.geometry.shape_model import PointDistributionModel
    from asmnet_edge.io.files import refuse_existing

    if modes and not output:
        raise UsageError("--modes is for the picture", "Give --output FILE.png too")
    if output:
        refuse_existing([output], overwrite)
    loaded = PointDistributionModel.load(model)
    if output:
        _draw(loaded, output, modes)
    _print(loaded, as_json)


def _training_samples(data: tuple[str, ...], faces: BrokenFaces) -> list[Sample]:
    """Return all faces that may be trained on; print which are left out, and what a copy lacks."""
    from asmnet_edge.datasets.catalog import open_dataset
    from asmnet_edge.datasets.sample import learnable

    datasets = [open_dataset(words) for words in data]
    if len({dataset.scheme.name for dataset in datasets}) > 1:
        raise UsageError("all data sets of a shape model must have one landmark scheme")
    found = [sample for dataset in datasets for sample in dataset.samples("train", faces)]
    samples = learnable(found)
    faces.report()
    _note_missing(datasets, len(found) - len(samples))
    if not samples:
        raise UsageError("there are no faces to fit a shape model to")
    return samples


def _note_missing(datasets: list[Dataset], in_test: int) -> None:
    for lack in (lack for dataset in datasets for lack in dataset.missing("train")):
        notes.print(f"missing: {lack.faces:,} of {lack.part}")
    if in_test:
        notes.print(f"left out: {in_test} whose photo is in a test subset too")


def _draw(model: PointDistributionModel, output: Path, modes: int | None) -> None:
    from asmnet_edge.datasets.figures import draw_modes
    from asmnet_edge.io.images import write_image

    kept = len(model.components)
    if modes and modes > kept:
        raise UsageError(f"the model keeps {kept} modes, got --modes {modes}")
    write_image(output, draw_modes(model, modes or min(kept, DRAWN)))
    notes.print(f"written: {output}", soft_wrap=True)


def _print(model: PointDistributionModel, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_figures(model)))
    else:
        print_wide(_table(_figures(model)))


def _figures(model: PointDistributionModel) -> dict[str, Any]:
    return {
        "faces": model.faces,
        "scheme": model.scheme.name if model.scheme else None,
        "points": len(model.mean) // 2,
        "alignment": model.alignment,
        "variance": model.variance,
        "components": len(model.components),
        "eigenvalues": model.eigenvalues.tolist(),
        "shares": model.shares.tolist(),
        "components_for": {str(percent): model.modes_for(percent / 100) for percent in PERCENTS},
    }


def _table(figures: dict[str, Any]) -> Group:
    from itertools import accumulate

    from rich.console import Group
    from rich.text import Text

    from asmnet_edge.io.display import table

    view = table("mode", "eigenvalue", "share %", "together %")
    shares = figures["shares"]
    rows = zip(figures["eigenvalues"], shares, accumulate(shares), strict=True)
    for number, (eigenvalue, share, together) in enumerate(rows, start=1):
        view.add_row(str(number), f"{eigenvalue:.3g}", f"{share:.2%}"[:-1], f"{together:.2%}"[:-1])
    needed = ", ".join(f"{n} at {percent} %" for percent, n in figures["components_for"].items())
    title = (
        f"{figures['faces']:,} faces, {figures['scheme'] or 'unknown scheme'}, alignment "
        f"{figures['alignment']}: {len(shares)} components for {100 * figures['variance']:g} %"
    )
    return Group(Text(title, style="bold"), view, Text(f"components needed: {needed}"))
