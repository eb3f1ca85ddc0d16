"""``asmnet-edge verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.terminal import notes
from asmnet_edge.errors import CheckFailedError

if TYPE_CHECKING:
    from asmnet_edge.converters.checks.verify import Verification


@click.command()
@click.argument("files", nargs=-1, required=True, type=MODEL)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Threads for the network.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each file.")
def command(files: tuple[Path, ...], threads: int, as_json: bool) -> None:
    """Check the artifacts FILES on this machine: hash, contract, and parity with the float model.

    The manifest beside each file holds the outputs of the float model on test patterns, and these
    patterns are identical on every machine. So the check needs the runtime of the format, but
    neither the float model nor TensorFlow. The exit code is 1 if a file does not pass.
    """
    from asmnet_edge.converters.checks.verify import verify
    from asmnet_edge.io.manifest import without_companions

    found = []
    for path in without_companions(files):
        with silenced():
            found.append(verify(path, threads))
        click.echo(json.dumps(found[-1].as_json()) if as_json else _line(found[-1]))
        if not found[-1].is_reproduced:
            notes.print(_differs(found[-1]), soft_wrap=True)
    if failed := [one.path.name for one in found if not one.passed]:
        raise CheckFailedError(f"not verified: {', '.join(failed)}")


def _line(found: Verification) -> str:
    if found.passed:
        results = "; ".join(check.what for check in found.checks)
        return f"{found.path}: verified in {found.runtime}: {results}"
    check = found.checks[-1]
    return f"{found.path}: FAILED its {check.name}: {check.what}"


def _differs(found: Verification) -> str:
    here, there = found.parity, found.original
    assert here and there
    return (
        f"{found.path.name} computes differently here: {here.max_px:.4f} px from the float model, "
        f"{there.max_px:.4f} where it was converted"
    )
