"""``asmnet-edge benchmark show``, ``compare``, ``report`` and ``recommend``, which read records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asmnet_edge.cli.terminal import print_wide
from asmnet_edge.errors import CheckFailedError, UsageError

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.record_types import RecordContent

SUFFIXES = (".html", ".md", ".csv", ".svg")


@click.command("show")
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record as JSON in the current schema."
)
def show(record: Path, as_json: bool) -> None:
    """Print the tables of RECORD."""
    from asmnet_edge.benchmarks.record import BenchmarkRecord
    from asmnet_edge.benchmarks.report.tables import tables

    found = BenchmarkRecord.load(record)
    if as_json:
        click.echo(json.dumps(found.content))
    else:
        print_wide(tables(found.typed))


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--max-slower",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    help="Increase of p50, in %, above which a row counts as slower.",
)
@click.option(
    "--max-nme-loss",
    type=click.FloatRange(0),
    default=0.05,
    show_default=True,
    help="Increase of the NME (on drawn faces: of the deviation), in percentage points, above "
    "which a row counts as worse.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="BEFORE=AFTER",
    help="Compare these two rows. BEFORE and AFTER may be the same record.  May be repeated.  "
    "[default: rows of the same name]",
)
@click.option("--allow-lost", is_flag=True, help="Accept rows of BEFORE that are missing in AFTER.")
@click.option("--across-machines", is_flag=True, help="Compare records of different machines.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(
    before: Path,
    after: Path,
    max_slower: float,
    max_nme_loss: float,
    rows: tuple[str, ...],
    allow_lost: bool,
    across_machines: bool,
    as_json: bool,
) -> None:
    """Compare the records BEFORE and AFTER, row by row.

    The exit code is 1 if a row became slower or less accurate by more than the limits and by more
    than chance, if it failed, has no accuracy any more, or is missing. A change that the state of
    the machine may explain is reported as unsure.
    """
    from asmnet_edge.benchmarks.compare import Limits, compare_records, comparison_view
    from asmnet_edge.benchmarks.record import BenchmarkRecord

    limits = Limits(max_slower / 100, max_nme_loss, allow_lost)
    records = BenchmarkRecord.load(before), BenchmarkRecord.load(after)
    found = compare_records(*records, limits, [_pair(words) for words in rows], across_machines)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        print_wide(comparison_view(found))
    if found.regressions:
        raise CheckFailedError(f"worse than before: {', '.join(found.regressions)}")


def _pair(words: str) -> tuple[str, str]:
    before, equals, after = words.partition("=")
    if not equals or not before or not after:
        raise UsageError(f"--row takes BEFORE=AFTER, got {words!r}")
    return before, after


@click.command("report")
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="File ending in .html, .md, .csv or .svg.  [default: RECORD with .html]",
)
@click.option("--overwrite", is_flag=True, help="Replace a report that exists.")
def report(record: Path, output: Path | None, overwrite: bool) -> None:
    """Write RECORD as one HTML page that loads nothing from elsewhere, as Markdown or as CSV.

    With --output FILE.svg only the chart of speed against accuracy is written.
    """
    from asmnet_edge.benchmarks.record import BenchmarkRecord
    from asmnet_edge.io.files import refuse_existing, write_atomically

    path = output or record.with_suffix(".html")
    if path.suffix not in SUFFIXES:
        raise UsageError(f"a report ends on {', '.join(SUFFIXES)}, got {path.name}")
    found = BenchmarkRecord.load(record)
    refuse_existing([path], overwrite)
    write_atomically(path, _text(found.typed, path.suffix).encode())
    click.echo(path)


def _text(record: RecordContent, suffix: str) -> str:
    from asmnet_edge.benchmarks.report.charts import trade_off_alone
    from asmnet_edge.benchmarks.report.page import comma_separated, markdown, page

    writers = {
        ".html": page,
        ".md": markdown,
        ".csv": comma_separated,
        ".svg": trade_off_alone,
    }
    return writers[suffix](record)


@click.command("recommend")
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--fps", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True,
    help="Frames per second that 90 % of the calls must keep up with.",
)  # fmt: skip
@click.option(
    "--max-nme-drop", type=click.FloatRange(0), default=0.05, show_default=True,
    help="Largest drop of accuracy, in percentage points of NME: the upper end of its interval.",
)  # fmt: skip
@click.option("--detect", is_flag=True, help="Count one face detection for every frame.")
@click.option("--max-threads", type=click.IntRange(1), help="Largest number of threads.")
@click.option(
    "--device", help="Use only records of this board or CPU; a part of its name is enough."
)
@click.option("--json", "as_json", is_flag=True, help="Print the choice as JSON.")
def recommend(
    records: tuple[Path, ...],
    fps: float,
    max_nme_drop: float,
    detect: bool,
    max_threads: int | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Choose the artifact and settings from RECORDS that meet your needs, and explain the choice.

    The exit code is 1 if none does.
    """
    from asmnet_edge.benchmarks.recommend import Needs, advice, best, judge
    from asmnet_edge.benchmarks.record import BenchmarkRecord

    needs = Needs(fps, max_nme_drop, detect, max_threads)
    judged = judge([BenchmarkRecord.load(path).typed for path in records], needs, device)
    chosen = best(judged)
    if as_json:
        choice = chosen.as_json() if chosen else None
        click.echo(json.dumps({"choice": choice, "rows": [each.as_json() for each in judged]}))
    else:
        click.echo("".join(f"{line}\n" for line in advice(judged, needs)), nl=False)
    if chosen is None:
        raise CheckFailedError("nothing meets the needs")
