"""``asmnet-edge benchmark run``."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asmnet_edge.cli.benchmark import options
from asmnet_edge.cli.benchmark.watching import progress_bar, progress_on, terminable
from asmnet_edge.cli.models import MODEL
from asmnet_edge.cli.terminal import notes, print_wide
from asmnet_edge.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.accuracy.facesource import FaceSource
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord
    from asmnet_edge.benchmarks.session.measured import BenchmarkPlan


@click.command()
@click.argument("artifacts", nargs=-1, type=MODEL)
@click.option(
    "--float-model",
    type=MODEL,
    help="The .keras file they were made from.  [default: the shipped one of them]",
)
@click.option("--float/--no-float", "with_float", default=True, help="Measure the float model too.")
@click.option(
    "--beside",
    multiple=True,
    type=MODEL,
    help="A model of another origin to measure too: an artifact, a .keras file, or the .toml that "
    "describes a foreign network. No drop is given for it.",
)
@click.option(
    "--data",
    metavar="KIND:PATH",
    help="Annotated faces, such as 300w:DIR.  [default: drawn faces, for the deviation alone]",
)
@click.option("--subset", help="Subset of --data.  [default: common, or the only one]")
@click.option("--threads", default="1", show_default=True, help="1, 1,2, all or 1..all.")
@click.option("--cpus", default="any", show_default=True, help="any, fastest, or 0,1: cores.")
@click.option("--runtimes", default="usual", show_default=True, help="usual, all, or one by name.")
@click.option("--rigorous", is_flag=True, help="1,024 queries and 60 s a row, in 20 rounds.")
@click.option("--queries", type=click.IntRange(1), help="Calls a row, at least.  [default: 200]")
@click.option("--seconds", type=click.FloatRange(0), help="A row, at least.  [default: 2]")
@click.option("--sustain", metavar="TIME", help="Then call each artifact for so long, as 30m.")
@click.option("--cold/--no-cold", default=True, help="Time fresh processes to the first landmark.")
@click.option("--pictures", is_flag=True, help="Keep the faces that were moved most.")
@click.option("--ssh", metavar="USER@HOST", help="Run there and bring the record back.")
@click.option("--ssh-option", multiple=True, help="For ssh, such as Port=2222.")
@click.option("--remote-python", default="python3", show_default=True, help="With --ssh.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write the JSON record.")
@click.option("--overwrite", is_flag=True, help="Replace a record that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the record instead of the tables.")
def command(**given: Any) -> None:
    """Benchmark ARTIFACTS and the float Keras model on this machine.

    At least --queries calls and --seconds for each, in turns. Exit code 1 when an artifact could
    not be measured; the others are. Ctrl-C ends the run and keeps what was measured.
    """
    from asmnet_edge.manifest import without_companions

    given["artifacts"] = without_companions(given["artifacts"])
    _check(given)
    if given["ssh"]:
        from asmnet_edge.cli.benchmark.ssh import run_there

        run_there(given)
        return
    record = run_here(given)
    save(record, given)
    tell(record, given)


def _check(given: dict[str, Any]) -> None:
    if not given["artifacts"] and not given["beside"] and not given["float_model"]:
        raise UsageError("there is nothing to benchmark", "Give artifacts, --beside, --float-model")
    check_output(given)


def check_output(given: dict[str, Any]) -> None:
    """The record can be written: told before hours of measuring."""
    from asmnet_edge.files import make_folder, refuse_existing

    if given["output"]:
        refuse_existing([given["output"]], given["overwrite"])
        make_folder(given["output"].parent)


def plan_of(given: dict[str, Any]) -> BenchmarkPlan:
    """What the options ask for."""
    from dataclasses import replace

    from asmnet_edge.benchmarks.latency.plan import QUICK, RIGOROUS
    from asmnet_edge.benchmarks.session.measured import BenchmarkPlan

    reference = options.reference_path(
        given["float_model"], given["with_float"], given["artifacts"]
    )
    words = (given["threads"], given["cpus"], given["runtimes"])
    orders = options.row_orders(given["artifacts"], given["beside"], reference, *words)
    latency = (RIGOROUS if given["rigorous"] else QUICK).lengthened(
        given["queries"], given["seconds"]
    )
    if not given["cold"]:
        latency = replace(latency, cold_starts=0)
    sustain = options.duration(given["sustain"]) if given["sustain"] else 0.0
    kind = "rigorous" if given["rigorous"] else "quick"
    return BenchmarkPlan(orders, latency, sustain, given["pictures"], kind)


def run_here(given: dict[str, Any]) -> BenchmarkRecord:
    """The benchmark on this machine."""
    notes.print("Starting: reading options and faces …")
    plan = plan_of(given)
    source = options.face_source(given["data"], given["subset"])
    with terminable(signal.SIGTERM), progress_bar() as bar:
        return _measure(plan, source, given["output"], progress_on(bar))


def _measure(
    plan: BenchmarkPlan, open_faces: Callable[[], FaceSource], output: Path | None, progress: Any
) -> BenchmarkRecord:
    from asmnet_edge.benchmarks.rows.worker import workers
    from asmnet_edge.benchmarks.session.measured import opened
    from asmnet_edge.benchmarks.session.run import measure_all

    with workers(plan.orders) as rows:
        notes.print(f"{len(rows)} rows: {', '.join(order.key for order in plan.orders)}")
        faces = open_faces()
        found = opened(plan.orders, rows, progress("loading", len(rows)))
        save = (lambda record: record.save(output)) if output else (lambda record: None)
        return measure_all(plan, found, faces, progress, save)


def save(record: BenchmarkRecord, given: dict[str, Any]) -> None:
    if given["output"]:
        record.save(given["output"])


def tell(record: BenchmarkRecord, given: dict[str, Any]) -> None:
    """Print ``record``; exit 1 when a row failed, 130 when it was interrupted."""
    from asmnet_edge.benchmarks.report.table import tables

    if given["as_json"]:
        click.echo(json.dumps(record.content))
    else:
        print_wide(tables(record))
    if record.content["interrupted"]:
        notes.print("Interrupted: what had been measured by then is kept.")
        raise SystemExit(130)
    if record.failed:
        names = ", ".join(row["key"] for row in record.failed)
        raise CheckFailedError(f"could not be measured: {names}", "The lines above say why")
