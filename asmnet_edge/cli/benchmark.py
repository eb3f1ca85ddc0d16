"""``asmnet-edge benchmark``: its verbs, each imported when it is run."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "run": "Measure artifacts and the float model on this machine, or over ssh.",
    "show": "Print the tables of a record.",
    "compare": "Say what differs between two records, and whether it is more than chance.",
    "report": "Write a record as one HTML page, Markdown or CSV.",
    "recommend": "Choose the artifact and settings to ship.",
}


class Benchmarks(click.Group):
    """A group whose members live in ``asmnet_edge.cli.benchmark_<verb>`` as ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"asmnet_edge.cli.benchmark_{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Benchmarks)
def command() -> None:
    """Measure latency, size and accuracy drop of artifacts against the float model."""
