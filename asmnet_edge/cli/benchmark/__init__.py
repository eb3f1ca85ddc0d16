"""``asmnet-edge benchmark``: its verbs measure (module `run`) or read records (`records`)."""

from __future__ import annotations

import click

from asmnet_edge.cli.main import Verbs

VERBS = {
    "run": "Measure artifacts and the float model on this machine, or over ssh.",
    "fetch": "Resume a run that was started over ssh and bring its record back.",
    "show": "Print the tables of a record.",
    "compare": "Report what differs between two records, and whether it is more than chance.",
    "report": "Write a record as one HTML page, Markdown or CSV.",
    "recommend": "Choose the artifact and settings to ship.",
}
MODULES = {
    **dict.fromkeys(("run", "fetch"), "benchmark.run"),
    **dict.fromkeys(("show", "compare", "report", "recommend"), "benchmark.records"),
}


@click.group(cls=Verbs, verbs=VERBS, modules=MODULES)
def command() -> None:
    """Measure latency, size and accuracy drop of artifacts against the float model."""
