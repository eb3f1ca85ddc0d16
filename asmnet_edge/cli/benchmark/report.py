"""``asmnet-edge benchmark report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asmnet_edge.errors import UsageError

if TYPE_CHECKING:
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord

SUFFIXES = (".html", ".md", ".csv", ".svg")


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A .html, .md, .csv or .svg file.  [default: RECORD with .html]",
)
@click.option("--overwrite", is_flag=True, help="Replace a report that exists.")
def command(record: Path, output: Path | None, overwrite: bool) -> None:
    """Write a RECORD as one HTML page that needs no network, as Markdown, or as CSV.

    As SVG it is the page's drawing of speed against accuracy alone.
    """
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord
    from asmnet_edge.files import refuse_existing, write_atomically

    path = output or record.with_suffix(".html")
    if path.suffix not in SUFFIXES:
        raise UsageError(f"a report ends on {', '.join(SUFFIXES)}, got {path.name}")
    found = BenchmarkRecord.load(record)
    refuse_existing([path], overwrite)
    write_atomically(path, _text(found, path.suffix).encode())
    click.echo(path)


def _text(record: BenchmarkRecord, suffix: str) -> str:
    from asmnet_edge.benchmarks.report.charts import trade_off_alone
    from asmnet_edge.benchmarks.report.page import comma_separated, markdown, page

    writers = {
        ".html": page,
        ".md": markdown,
        ".csv": comma_separated,
        ".svg": trade_off_alone,
    }
    return writers[suffix](record)
