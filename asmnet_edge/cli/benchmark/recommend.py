"""``asmnet-edge benchmark recommend``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from asmnet_edge.errors import CheckFailedError


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--fps", type=click.FloatRange(0, min_open=True), default=30.0, show_default=True,
    help="Frames a second; nine of ten must be in time.",
)  # fmt: skip
@click.option(
    "--max-nme-drop", type=click.FloatRange(0), default=0.05, show_default=True,
    help="Points of NME that may be lost, by the upper end of the interval.",
)  # fmt: skip
@click.option("--detect", is_flag=True, help="Count a face detection in every frame.")
@click.option("--max-threads", type=click.IntRange(1), help="Leave cores for others.")
@click.option("--device", help="Part of the board's or CPU's name.")
@click.option("--json", "as_json", is_flag=True, help="Print the choice as JSON.")
def command(
    records: tuple[Path, ...],
    fps: float,
    max_nme_drop: float,
    detect: bool,
    max_threads: int | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Choose the artifact and settings to ship from RECORDS, and say why.

    Exit code 1 when none meets the needs.
    """
    from asmnet_edge.benchmarks.compare.advice import advice, what_would
    from asmnet_edge.benchmarks.compare.recommend import Needs, best, judge, nearest
    from asmnet_edge.benchmarks.record.record import BenchmarkRecord

    needs = Needs(fps, max_nme_drop, detect, max_threads)
    judged = judge([BenchmarkRecord.load(path) for path in records], needs, device)
    chosen, near = best(judged), nearest(judged, needs)
    if as_json:
        choice = chosen.as_json() if chosen else None
        click.echo(json.dumps({"choice": choice, "rows": [each.as_json() for each in judged]}))
    else:
        click.echo("".join(f"{line}\n" for line in advice(judged, needs)), nl=False)
    if chosen is None:
        raise CheckFailedError("nothing meets the needs", what_would(near, needs))
