"""``asmnet-edge benchmark``: run and show."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress as Bar

from asmnet_edge.cli.terminal import import_quietly, notes, print_wide, silenced
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.shipped import SHIPPED_FLOAT, shipped

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.accuracy import EvaluationFaces
    from asmnet_edge.benchmarks.record import BenchmarkRecord

DRAWN_FACES = 64


@click.group()
def command() -> None:
    """Measure latency, size and accuracy drop of artifacts against the float model."""


@command.command()
@click.argument("artifacts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--float-model",
    type=click.Path(path_type=Path),
    help="The .keras file they were made from.  [default: the shipped ASMNet-68]",
)
@click.option(
    "--data",
    metavar="KIND:PATH",
    help="Annotated faces, such as 300w:DIR.  [default: drawn faces, for the deviation alone]",
)
@click.option("--subset", default="common", show_default=True, help="Subset of --data.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--queries", type=click.IntRange(8), default=200, show_default=True)
@click.option("--seconds", type=click.FloatRange(0), default=2.0, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), help="Where to write the JSON record.")
@click.option("--overwrite", is_flag=True, help="Replace a record that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the record instead of the table.")
def run(
    artifacts: tuple[Path, ...],
    float_model: Path | None,
    data: str | None,
    subset: str,
    threads: int,
    queries: int,
    seconds: float,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Benchmark ARTIFACTS and the float Keras model on this machine.

    At least --queries calls and --seconds for each, in turns. Exit code 1 when an artifact could
    not be measured; the others are.
    """
    from asmnet_edge.benchmarks.latency import LatencyPlan
    from asmnet_edge.benchmarks.run import BenchmarkPlan, load_candidates, measure_candidates
    from asmnet_edge.files import make_folder, refuse_existing

    if output:
        refuse_existing([output], overwrite)
        make_folder(output.parent)
    latency = LatencyPlan(queries, seconds)
    reference = _reference(float_model)
    plan = BenchmarkPlan(artifacts, reference, threads, latency)
    faces = _faces(artifacts, data, subset)
    with silenced():
        candidates = load_candidates(plan)
    with Bar(console=notes, transient=True) as bar:
        record = measure_candidates(
            plan, candidates, faces, lambda what, steps: _ticker(bar, what, steps)
        )
    if output:
        record.save(output)
    _print(record, as_json)
    if record.failed:
        names = ", ".join(row["name"] for row in record.failed)
        raise CheckFailedError(f"could not be measured: {names}", "The lines above say why")


@command.command()
@click.argument("record", type=click.Path(path_type=Path))
def show(record: Path) -> None:
    """Print the table of a RECORD."""
    from asmnet_edge.benchmarks.record import BenchmarkRecord

    _print(BenchmarkRecord.load(record), as_json=False)


def _print(record: BenchmarkRecord, as_json: bool) -> None:
    from asmnet_edge.benchmarks.table import table

    if as_json:
        click.echo(json.dumps(record.content))
        return
    print_wide(table(record))


def _reference(given: Path | None) -> Path | None:
    """The float model for the drops; none where Keras is not installed, as on most devices."""
    if given is None and util.find_spec("keras") is None:
        notes.print("No float row and no drop: they need Keras, as in asmnet-edge[train].")
        return None
    import_quietly("tensorflow", "keras", extra="train")
    return given or shipped(SHIPPED_FLOAT)


def _faces(artifacts: tuple[Path, ...], data: str | None, subset: str) -> EvaluationFaces:
    """The faces to evaluate on, cut as the first readable artifact wants them."""
    from asmnet_edge.benchmarks.accuracy import faces_of
    from asmnet_edge.crop import CropRule
    from asmnet_edge.data.catalog import open_dataset
    from asmnet_edge.errors import ModelError
    from asmnet_edge.manifest import read_manifest

    rule = CropRule()
    for path in artifacts:
        try:
            rule = read_manifest(path).crop_rule
            break
        except ModelError:
            continue  # it becomes a failed row
    if data:
        return faces_of(open_dataset(data), subset, rule, annotated=True)
    return faces_of(open_dataset(f"synthetic:{DRAWN_FACES}"), "test", rule, annotated=False)


def _ticker(bar: Bar, what: str, steps: int) -> Callable[[], None]:
    task: Any = bar.add_task(what, total=steps)
    return lambda: bar.advance(task)
