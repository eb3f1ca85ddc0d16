"""``asmnet-edge benchmark run`` and ``fetch``: the verbs that measure."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.terminal import notes, print_wide
from asmnet_edge.errors import CheckFailedError

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.cases import BenchmarkOptions
    from asmnet_edge.benchmarks.record import BenchmarkRecord


@dataclass(frozen=True)
class Output:
    """Options of the verbs about their output: file, and JSON instead of tables."""

    output: Path | None
    overwrite: bool
    as_json: bool

    def check(self) -> None:
        """Raise `UsageError` where the record cannot be written, before hours of measuring."""
        from asmnet_edge.io.files import make_folder, refuse_existing

        if self.output:
            refuse_existing([self.output], self.overwrite)
            make_folder(self.output.parent)

    def save(self, record: BenchmarkRecord) -> None:
        """Write ``record``, if a file was asked for."""
        if self.output:
            record.save(self.output)


@click.command("run")
@click.argument("artifacts", nargs=-1, type=MODEL)
@click.option(
    "--float-model",
    type=MODEL,
    help="The .keras file they were converted from.  [default: the shipped one that they are of]",
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
@click.option("--rigorous", is_flag=True, help="1,024 calls and 60 s a row, in 20 rounds.")
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
def run(
    output: Path | None,
    overwrite: bool,
    as_json: bool,
    ssh: str | None,
    ssh_option: tuple[str, ...],
    remote_python: str,
    **given: Any,
) -> None:
    """Benchmark ARTIFACTS and the float Keras model on this machine.

    At least --queries calls and --seconds for each, in turns. Exit code 1 when an artifact could
    not be measured; the others are. Ctrl-C ends the run and keeps what was measured.
    """
    from asmnet_edge.benchmarks.cases import BenchmarkOptions
    from asmnet_edge.io.manifest import without_companions

    given["artifacts"] = tuple(without_companions(given["artifacts"]))
    options, destination = BenchmarkOptions(**given), Output(output, overwrite, as_json)
    destination.check()
    if ssh:
        record = _run_remotely(options, destination, (ssh, ssh_option, remote_python))
    else:
        record = _run_here(options, destination)
        destination.save(record)
    print_record(record, as_json)


@click.command("fetch")
@click.argument("place", metavar="USER@HOST:FOLDER")
@click.option("--ssh-option", multiple=True, help="For ssh, such as Port=2222.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write the JSON record.")
@click.option("--overwrite", is_flag=True, help="Replace a record that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the record instead of the tables.")
def fetch(
    place: str, ssh_option: tuple[str, ...], output: Path | None, overwrite: bool, as_json: bool
) -> None:
    """Resume the run at USER@HOST:FOLDER, which `benchmark run --ssh` started.

    Waits for its end, brings the record back and removes the folder. Ctrl-C ends the run there and
    keeps what it measured.
    """
    from asmnet_edge.benchmarks.remote import RemoteRun, finish_remotely

    destination = Output(output, overwrite, as_json)
    destination.check()
    started = RemoteRun.at(place, ssh_option, print_note)
    with terminable(signal.SIGTERM):
        record = finish_remotely(started, destination.save)
    print_record(record, as_json)


def _run_here(options: BenchmarkOptions, destination: Output) -> BenchmarkRecord:
    from asmnet_edge.benchmarks.session import run_benchmark

    notes.print("Starting: reading options and faces …")
    if options.lacks_keras:
        notes.print(
            "No float row: it needs Keras, as in asmnet-edge[train]. Drops are against a float32 "
            "artifact, if one is among the rows."
        )
    plan = options.plan()
    notes.print(f"{len(plan.cases)} rows: {', '.join(case.key for case in plan.cases)}")
    with terminable(signal.SIGTERM), progress_bar() as bar:
        return run_benchmark(options, progress_on(bar), destination.save, plan)


def _run_remotely(
    options: BenchmarkOptions, destination: Output, address: tuple[str, tuple[str, ...], str]
) -> BenchmarkRecord:
    from asmnet_edge.benchmarks.remote import Host, finish_remotely, start_remotely

    with terminable(signal.SIGTERM, signal.SIGHUP):
        started = start_remotely(options, Host(*address), print_note)
    with terminable(signal.SIGTERM):
        return finish_remotely(started, destination.save)


def print_record(record: BenchmarkRecord, as_json: bool) -> None:
    """Print ``record``; exit 1 when a row failed, 130 when it was interrupted."""
    if as_json:
        click.echo(json.dumps(record.content))
    else:
        _print_tables(record)
    if record.content["interrupted"]:
        notes.print("Interrupted: what had been measured by then is kept.")
        raise SystemExit(130)
    if failed := record.failed_cases:
        names = ", ".join(case.key for case in failed)
        raise CheckFailedError(
            f"could not be measured: {names}", "The reasons are in the lines above"
        )


def _print_tables(record: BenchmarkRecord) -> None:
    """Print the tables, and below them the block to paste into an issue."""
    from asmnet_edge.benchmarks.report.tables import plain_block, tables

    content = record.typed
    print_wide(tables(content))
    click.echo("\nTo paste into an issue:\n")
    click.echo(f"```\n{plain_block(content)}\n```")


def print_note(line: str) -> None:
    """Print ``line`` on standard error."""
    notes.print(line, soft_wrap=True)


@contextmanager
def terminable(*signals: signal.Signals) -> Iterator[None]:
    """Treat ``signals``, such as SIGTERM, as Ctrl-C within the block."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def progress_bar() -> Bar:
    """Return a progress bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Bar(*columns, TimeElapsedColumn(), console=notes, transient=True)


def progress_on(bar: Bar) -> Callable[[str, int], Callable[[], None]]:
    """Report on ``bar``; where standard error is no terminal, by a line for each phase."""

    def begin(what: str, steps: int) -> Callable[[], None]:
        if not notes.is_terminal:
            notes.print(f"{what}: {steps}")
            return lambda: None
        task = bar.add_task(what, total=steps)
        return lambda: bar.advance(task)

    return begin
