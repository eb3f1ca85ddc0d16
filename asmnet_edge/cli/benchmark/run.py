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
    help="Float model (.keras) that ARTIFACTS were converted from.  [default: found by its hash "
    "among the shipped ones]",
)
@click.option(
    "--float/--no-float",
    "with_float",
    default=True,
    show_default=True,
    help="Also measure the float model.",
)
@click.option(
    "--beside",
    multiple=True,
    type=MODEL,
    help="Also measure a model of another origin: an artifact, a .keras file, or a .toml file that "
    "describes a foreign network. Its accuracy drop is not reported.  May be repeated.",
)
@click.option(
    "--data",
    metavar="KIND:PATH",
    help="Annotated faces, such as 300w:DIR.  [default: drawn faces, which give the deviation "
    "only]",
)
@click.option("--subset", help="Subset of --data.  [default: common, or the only subset]")
@click.option(
    "--threads",
    default="1",
    show_default=True,
    help="Numbers of threads to measure with: one, a list such as 1,2, all (the number of cores), "
    "or 1..all (1, 2, 4 and so on, up to all).",
)
@click.option(
    "--cpus",
    default="any",
    show_default=True,
    help="Cores to run on: any, fastest, or their numbers, such as 0,1.",
)
@click.option(
    "--runtimes",
    default="usual",
    show_default=True,
    help="Runtimes to measure in: the usual one of each format, all, or one by name.",
)
@click.option(
    "--rigorous", is_flag=True, help="At least 1,024 calls and 60 s for each row, in 20 rounds."
)
@click.option(
    "--queries", type=click.IntRange(1), help="Smallest number of calls a row.  [default: 200]"
)
@click.option("--seconds", type=click.FloatRange(0), help="Shortest time a row.  [default: 2]")
@click.option(
    "--sustain",
    metavar="TIME",
    help="Afterwards call each artifact for this long, such as 30m, to observe throttling.",
)
@click.option(
    "--cold/--no-cold",
    default=True,
    show_default=True,
    help="Also time a fresh process from its start to the first landmark.",
)
@click.option(
    "--pictures",
    is_flag=True,
    help="Store pictures of the faces whose landmarks moved most in the record.",
)
@click.option(
    "--ssh", metavar="USER@HOST", help="Measure on that machine and copy the record back."
)
@click.option(
    "--ssh-option", multiple=True, help="Option for ssh, such as Port=2222.  May be repeated."
)
@click.option(
    "--remote-python",
    default="python3",
    show_default=True,
    help="Python on the machine of --ssh.",
)
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
    """Measure latency, size and accuracy of ARTIFACTS and of their float model on this machine.

    Each model, with each number of threads and in each runtime, is one row of the table. The rows
    take turns until each has had at least --queries calls and --seconds of time. If an artifact
    cannot be measured, the others still are, and the exit code is 1. Ctrl-C ends the run and keeps
    the results so far.
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
@click.option(
    "--ssh-option", multiple=True, help="Option for ssh, such as Port=2222.  May be repeated."
)
@click.option("--output", type=click.Path(path_type=Path), help="Where to write the JSON record.")
@click.option("--overwrite", is_flag=True, help="Replace a record that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the record instead of the tables.")
def fetch(
    place: str, ssh_option: tuple[str, ...], output: Path | None, overwrite: bool, as_json: bool
) -> None:
    """Collect the result of the run at USER@HOST:FOLDER, which `benchmark run --ssh` started.

    Waits for its end, copies the record to this machine and removes the folder there. Ctrl-C ends
    the run on the other machine and keeps its results so far.
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
            notes.print(f"{what}: {steps} step{'s' * (steps != 1)}")
            return lambda: None
        task = bar.add_task(what, total=steps)
        return lambda: bar.advance(task)

    return begin
