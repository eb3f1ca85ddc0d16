"""``asmnet-edge train``: train a float model, or show what would be trained."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.console import silenced, stop_requests
from asmnet_edge.cli.terminal import (
    BrokenFaces,
    broken_option,
    import_keras,
    notes,
    print_wide,
    with_progress,
)
from asmnet_edge.errors import OutputExistsError, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from asmnet_edge.datasets.pack import Pack
    from asmnet_edge.training.config import TrainConfig
    from asmnet_edge.training.distribution import Processes
    from asmnet_edge.training.loop import Progress, Run


@click.command()
@click.option(
    "--data",
    multiple=True,
    metavar="KIND:PATH",
    help="Data set to train on, such as 300w:DIR, csv:FILE, synthetic:1000; may be repeated. "
    "All kinds: asmnet-edge data --help",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with settings. Options override it.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for checkpoints, log and model.",
)
@click.option(
    "--weights",
    metavar="MODEL.keras",
    help="Start from the weights of this float model instead of random weights.",
)
@click.option(
    "--architecture",
    type=click.Choice(["asmnet", "asmnet-weighted", "mobilenetv2"]),
    help="Network to train. asmnet-weighted learns weights for positions that asmnet averages.  "
    "[default: asmnet]",
)
@click.option("--alpha", type=float, help="Width multiplier: 0.35, 0.5, 0.75 or 1.0.")
@click.option("--input-size", type=int, help="Side of the crop in pixels, a multiple of 32.")
@click.option("--epochs", type=float, help="Length of the training in epochs.")
@click.option("--batch", type=int, help="Number of faces in a batch.")
@click.option("--learning-rate", type=float, help="Highest learning rate.")
@click.option(
    "--distance",
    type=click.Choice(["absolute", "squared", "norm", "euclidean", "wing"]),
    help="Distance between landmarks that the loss is based on.",
)
@click.option(
    "--asm-schedule",
    type=click.Choice(["none", "steps", "smooth"]),
    help="How the weight of the ASM term of the loss falls over the epochs.  [default: steps]",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    help="Arithmetic of the training.",
)
@click.option("--seed", type=int, help="Seed of all random choices.")
@click.option("--workers", type=click.IntRange(1), help="Number of processes that prepare batches.")
@click.option("--resume", is_flag=True, help="Continue from the newest checkpoint in the folder.")
@click.option("--tensorboard", is_flag=True, help="Also write events for TensorBoard.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would be trained, and how fast batches can be prepared.",
)
@broken_option
def command(
    config: Path | None,
    output: Path,
    workers: int | None,
    resume: bool,
    tensorboard: bool,
    dry_run: bool,
    broken: str,
    **flags: Any,
) -> None:
    """Train a float model. The one with the best validation NME becomes OUTPUT/best.keras.

    Validation faces are held out of the first data set, person by person. OUTPUT/log.csv has a row
    for each step. OUTPUT/looks has previews of the first batches and of the validation faces.
    """
    import_keras()
    from asmnet_edge.training.config import Overrides, read_config

    overrides = Overrides(**flags)
    kept = [*output.glob("checkpoint-*.npz"), *output.glob("*.keras")]
    if kept and not resume and not dry_run:
        raise OutputExistsError(f"{output} holds a run already", "Give --resume or another folder")
    if resume and not kept:
        notes.print(f"no checkpoint in {output}: starting from the beginning", soft_wrap=True)
    if resume and not config and not overrides.data:
        config = output / "config.json"  # what the run was started with
    settings = read_config(config) if config else {}
    processes = _join()
    run = _prepare(overrides.over(settings), output, BrokenFaces(broken))
    run.workers, run.tensorboard = workers or run.workers, tensorboard
    run.processes = processes
    if dry_run:
        print_wide(_plan(run))
        return
    _drive(run, resume)
    if processes.first:
        notes.print(f"best validation NME {run.best:.2f} %: {output / 'best.keras'}")


def _join() -> Processes:
    from asmnet_edge.training.distribution import ASKING, join

    if ASKING & os.environ.keys():
        notes.print("waiting for the other processes ...")
    with silenced():
        return join()


def _prepare(config: TrainConfig, output: Path, broken: BrokenFaces) -> Run:
    from asmnet_edge.datasets.catalog import open_dataset
    from asmnet_edge.datasets.pack_file import pack_of
    from asmnet_edge.datasets.splits import hold_out
    from asmnet_edge.training.loop import Run

    read: list[Pack] = []
    datasets = [open_dataset(share.dataset) for share in config.data]
    for dataset in datasets:
        bar = partial(with_progress, description=f"reading {dataset.name}")
        read.append(pack_of(dataset, "train", bar, broken))
    broken.report()
    scheme = read[0].scheme
    if any(pack.scheme is not scheme for pack in read):
        raise UsageError("all data sets of a run must have one landmark scheme")
    config = dataclasses.replace(
        config, variant=dataclasses.replace(config.variant, points=scheme.points)
    )
    licence = "; ".join(dict.fromkeys(f"{d.name}: {d.licence}" for d in datasets))
    return Run(config, hold_out(read, config.validation_percent), output, licence=licence)


def _plan(run: Run) -> RenderableType:
    """Table of what ``run`` would train, on which data, for how long."""
    from rich.table import Table

    from asmnet_edge.training.batches import crops_per_second
    from asmnet_edge.training.network import build, multiply_adds

    config, network = run.config, build(run.config.variant)
    size = config.variant.input_size
    view = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for share, (train, validation) in zip(config.data, run.packs, strict=True):
        held_out = f", {len(validation)} more validate" if train is run.packs[0][0] else ""
        weights = f"{share.first_weight:g} to {share.last_weight:g}"
        view.add_row(share.dataset, f"{len(train)} faces{held_out}; weight {weights}")
    work = (
        f"{network.count_params():,} parameters, {multiply_adds(network) / 1e6:.1f} M multiply-adds"
    )
    view.add_row("network", f"{network.name}, alpha {config.variant.alpha:g}, {size} px: {work}")
    view.add_row("starts from", config.weights or "random weights")
    stages = ", ".join(f"{s.share:.0%} at {s.size} px" for s in config.stages)
    view.add_row("steps", f"{run.total:,} of {config.batch} faces ({stages})")
    loss = (
        f"{config.distance}, ASM weight {config.asm_schedule}, pose weight {config.pose_weight:g}"
    )
    view.add_row("loss", loss)
    speed = crops_per_second(run.plan, size, run.scaling)
    view.add_row("input", f"{speed:.0f} augmented {size}-px crops per second and core")
    return view


def _drive(run: Run, resume: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    steps = run.train(resume)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    with stop_requests() as stop_requested, Bar(*columns, console=notes) as bar:
        task = bar.add_task("training", total=run.total, facts="")
        try:
            for progress in _announced(steps, run):
                best = f"{progress.best:.2f}" if isfinite(progress.best) else "-"
                facts = f"loss {progress.loss:.3f}  best NME {best}"
                bar.update(task, completed=progress.step, facts=facts)
                if run.processes.any(stop_requested()):
                    break
        finally:
            steps.close()  # saves a checkpoint
    if run.step < run.total:
        notes.print(f"saved after step {run.step}; go on with --resume")
        raise KeyboardInterrupt


def _announced(steps: Iterator[Progress], run: Run) -> Iterator[Progress]:
    """Yield ``steps``; print each validation, and damaged checkpoints skipped when resuming."""
    for progress in steps:
        for path in run.damaged:
            notes.print(f"skipped a damaged checkpoint: {path}")
        run.damaged = []
        if progress.validation is not None:
            notes.print(f"step {progress.step}: validation NME {progress.validation:.2f} %")
        yield progress
