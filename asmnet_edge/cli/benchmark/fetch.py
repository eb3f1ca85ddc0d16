"""``asmnet-edge benchmark fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("place", metavar="USER@HOST:FOLDER")
@click.option("--ssh-option", multiple=True, help="For ssh, such as Port=2222.")
@click.option("--output", type=click.Path(path_type=Path), help="Where to write the JSON record.")
@click.option("--overwrite", is_flag=True, help="Replace a record that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the record instead of the tables.")
def command(**given: Any) -> None:
    """Take up the run at USER@HOST:FOLDER, which `benchmark run --ssh` started.

    Waits for its end, brings the record back and removes the folder. Ctrl-C ends the run there and
    keeps what it measured.
    """
    from asmnet_edge.benchmarks.remote.ssh import RemoteRun
    from asmnet_edge.cli.benchmark.run import check_output
    from asmnet_edge.cli.benchmark.ssh import bring, say

    check_output(given)
    bring(RemoteRun.at(given["place"], given["ssh_option"], say), given)
