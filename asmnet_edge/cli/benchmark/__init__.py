"""``asmnet-edge benchmark``: its verbs, each imported when it is run."""

from __future__ import annotations

import importlib

import click

from asmnet_edge.cli.main import Verbs

VERBS = {
    "run": "Measure artifacts and their float model on this machine, or over ssh.",
    "fetch": "Collect the record of a run that was started with --ssh.",
    "show": "Print the tables of a record.",
    "compare": "Report what changed between two records by more than chance.",
    "report": "Write a record as an HTML page, Markdown, CSV or a chart (SVG).",
    "recommend": "Choose the artifact and settings that meet given needs.",
}
MEASURING = ("run", "fetch")  # in `run`; the other verbs, which read records, are in `records`


class BenchmarkVerbs(Verbs):
    """The verbs of ``benchmark``: functions of `run` and `records` with the verb's name."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = "run" if cmd_name in MEASURING else "records"
        commands = importlib.import_module(f"asmnet_edge.cli.benchmark.{module}")
        command: click.Command = getattr(commands, cmd_name)
        return command


@click.group(cls=BenchmarkVerbs, verbs=VERBS, prefix="benchmark.")
def command() -> None:
    """Measure latency, size and accuracy of artifacts, compared with the float model."""
