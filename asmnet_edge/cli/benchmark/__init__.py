"""``asmnet-edge benchmark``: its verbs, each imported when it is run."""

from __future__ import annotations

import click

from asmnet_edge.cli.verbs import Verbs

VERBS = {
    "run": "Measure artifacts and the float model on this machine, or over ssh.",
    "fetch": "Take up a run that was started over ssh and bring its record back.",
    "show": "Print the tables of a record.",
    "compare": "Say what differs between two records, and whether it is more than chance.",
    "report": "Write a record as one HTML page, Markdown or CSV.",
    "recommend": "Choose the artifact and settings to ship.",
}


@click.group(cls=Verbs, verbs=VERBS, prefix="benchmark.")
def command() -> None:
    """Measure latency, size and accuracy drop of artifacts against the float model."""
