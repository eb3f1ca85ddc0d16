"""``asmnet-edge benchmark compare``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asmnet_edge.cli.terminal import print_wide
from asmnet_edge.errors import CheckFailedError, UsageError


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "--max-slower",
    type=click.FloatRange(0),
    default=5.0,
    show_default=True,
    help="Per cent of p50 beyond which a row counts as slower.",
)
@click.option(
    "--max-nme-loss",
    type=click.FloatRange(0),
    default=0.05,
    show_default=True,
    help="Points of NME, or of deviation on drawn faces, beyond which a row counts as worse.",
)
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="BEFORE=AFTER",
    help="Compare these two rows, also of one record.  [default: rows of the same name]",
)
@click.option("--allow-lost", is_flag=True, help="Rows may be in BEFORE alone.")
@click.option("--across-machines", is_flag=True, help="Compare records of different machines.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def command(
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

    Exit code 1 when a row became slower or less accurate by more than is allowed and by more than
    chance, failed, lost its accuracy, or is no longer there. What the machine itself explains is
    called unsure.
    """
    from asmnet_edge.benchmarks.compare.records import Limits, compare
    from asmnet_edge.benchmarks.compare.view import comparison_view
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord

    limits = Limits(max_slower / 100, max_nme_loss, allow_lost)
    records = BenchmarkRecord.load(before), BenchmarkRecord.load(after)
    found = compare(*records, limits, [_pair(words) for words in rows], across_machines)
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
