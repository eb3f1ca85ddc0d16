"""``asmnet-edge evaluate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress as Bar

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.terminal import BrokenFaces, broken_option, import_keras, notes, print_wide
from asmnet_edge.io.files import SHIPPED_FLOAT, SHIPPED_INT8, shipped

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.callable_model import CallableModel
    from asmnet_edge.benchmarks.evaluation.evaluate import Evaluation, EvaluationPlan

DRAWN = "synthetic:128"


@click.command()
@click.argument("model", required=False, type=MODEL)
@click.option(
    "--data",
    metavar="KIND:PATH",
    default=DRAWN,
    help="Annotated faces, such as 300w:DIR.  [default: drawn faces]",
)
@click.option(
    "--subset",
    "subsets",
    multiple=True,
    metavar="NAME",
    help="Subset of --data.  May be repeated.  [default: all test subsets of the data set]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for evaluation.json and the pictures.",
)
@click.option(
    "--sensitivity/--no-sensitivity",
    default=True,
    show_default=True,
    help="Also measure crops that are shifted, scaled and rotated.",
)
@click.option(
    "--tilt", is_flag=True, help="Also measure faces that lie on their side or are upside down."
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads for the network.  [default: the number of cores]",
)
@broken_option
@click.option("--overwrite", is_flag=True, help="Replace an evaluation that exists.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the results as JSON instead of tables."
)
def command(
    model: Path | None,
    data: str,
    subsets: tuple[str, ...],
    output: Path | None,
    sensitivity: bool,
    tilt: bool,
    threads: int | None,
    broken: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure the accuracy of MODEL on annotated faces, subset by subset.

    MODEL is a float model (.keras) or an artifact (.tflite, .onnx, .xml) with its manifest. By
    default it is the shipped float model, or the shipped int8 model if Keras is not installed.
    """
    from asmnet_edge.benchmarks.evaluation.evaluate import FILES, EvaluationPlan, write_evaluation
    from asmnet_edge.datasets.catalog import open_dataset
    from asmnet_edge.io.files import make_folder, refuse_existing

    if output:
        refuse_existing([output / name for name in FILES], overwrite)
        make_folder(output)
    faces = BrokenFaces(broken)
    plan = EvaluationPlan(open_dataset(data), data, subsets, sensitivity, tilt, faces)
    opened = _open(model or _default_model(), threads)
    try:
        evaluation = _evaluate(opened, plan)
    finally:
        faces.report()
    for note in write_evaluation(evaluation, opened, output) if output else ():
        notes.print(note, soft_wrap=True)
    _print(evaluation.content, as_json)


def _default_model() -> Path:
    return shipped(SHIPPED_FLOAT if util.find_spec("keras") else SHIPPED_INT8)


def _open(path: Path, threads: int | None) -> CallableModel:
    from asmnet_edge.benchmarks.callable_model import open_for_accuracy
    from asmnet_edge.formats import FLOAT_SUFFIX

    if path.suffix == FLOAT_SUFFIX:
        import_keras()
    with silenced():
        return open_for_accuracy(path, threads)


def _evaluate(model: CallableModel, plan: EvaluationPlan) -> Evaluation:
    from asmnet_edge.benchmarks.evaluation.evaluate import run_evaluation

    def progress(what: str, steps: int) -> Callable[[], None]:
        task: Any = bar.add_task(what, total=steps)
        return lambda: bar.advance(task)

    with Bar(console=notes, transient=True) as bar:
        return run_evaluation(model, plan, progress)


def _print(content: dict[str, Any], as_json: bool) -> None:
    from asmnet_edge.benchmarks.evaluation.tables import evaluation_table

    if as_json:
        click.echo(json.dumps(content, ensure_ascii=False))
        return
    print_wide(evaluation_table(content))
