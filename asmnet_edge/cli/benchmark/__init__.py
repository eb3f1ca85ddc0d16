"""``asmnet-edge benchmark``: its verbs measure (module `run`) or read records (`records`)."""

from __future__ import annotations

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
MODULES = {
    **dict.fromkeys(("run", "fetch"), "benchmark.run"),
    **dict.fromkeys(("show", "compare", "report", "recommend"), "benchmark.records"),
}


@click.group(cls=Verbs, verbs=VERBS, modules=MODULES)
def command() -> None:
    """Measure latency, size and accuracy of artifacts, compared with the float model."""
