"""``asmnet-edge doctor``: prints the findings of `asmnet_edge.runtime.diagnosis`."""

from __future__ import annotations

import json

import click

from asmnet_edge.errors import CheckFailedError

COLOURS = {"ok": "green", "note": "yellow", "bad": "red", "-": "bright_black"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Report what is installed and works, what this CPU accelerates, and the state of the board.

    Each line is marked ok, note or bad, and a note or bad line is followed by its fix. Checks that
    could crash run in a child process. The exit code is 1 if any line is bad.
    """
    from asmnet_edge.runtime.diagnosis import BAD, diagnose

    findings = []
    for finding in diagnose():
        findings.append(finding)
        if not as_json:
            state = click.style(f"{finding.state:>4}", fg=COLOURS[finding.state])
            click.echo(f"{state}  {finding.name:<15}{finding.message}")
            if finding.cure and finding.state != "ok":
                click.echo(f"{'':21}{finding.cure}")
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    bad = [finding.name for finding in findings if finding.state == BAD]
    if bad:
        raise CheckFailedError(f"bad: {', '.join(bad)}")
