"""``asmnet-edge benchmark show``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asmnet_edge.cli.terminal import print_wide


@click.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the record in the present schema.")
def command(record: Path, as_json: bool) -> None:
    """Print the tables of a RECORD."""
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord
    from asmnet_edge.benchmarks.report.table import tables

    found = BenchmarkRecord.load(record)
    if as_json:
        click.echo(json.dumps(found.content))
    else:
        print_wide(tables(found))
