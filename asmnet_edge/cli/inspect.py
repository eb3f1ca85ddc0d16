"""``asmnet-edge inspect``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.terminal import notes, print_wide


@click.command()
@click.argument("file", type=MODEL)
@click.option(
    "--audit/--no-audit",
    default=True,
    show_default=True,
    help="Also load the file and show which operators run in int8 on this machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all facts as JSON.")
def command(file: Path, audit: bool, as_json: bool) -> None:
    """Describe FILE: an artifact of any format, or a float model (.keras).

    The facts come from the manifest beside FILE, or from FILE itself if there is no manifest.
    TensorFlow is not needed.
    """
    from asmnet_edge.converters.inspection.contents import inspect, is_vouched_for

    content = inspect(file)
    content["audit"] = _audit(file) if audit and is_vouched_for(content) else None
    if as_json:
        click.echo(json.dumps(content))
        return
    print_wide(_table(content))
    if content["doubt"]:
        notes.print(f"not vouched for: {content['doubt']}", soft_wrap=True)


def _audit(file: Path) -> dict[str, Any]:
    """The int8 audit as JSON; silenced, as it loads the file into its runtime."""
    from asmnet_edge.converters.inspection.audit import audit

    with silenced():
        return audit(file).as_json()


def _table(content: Mapping[str, Any]) -> Table:
    view = Table(box=box.SIMPLE, show_header=False, padding=(0, 1, 0, 0))
    view.add_column(no_wrap=True, style="bold")
    view.add_column(overflow="fold")
    for name, value in _rows(content):
        view.add_row(name, value)
    return view


def _rows(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    facts = content["facts"] or {}
    yield "file", content["file"]
    yield "kind", " ".join(filter(None, [content["kind"], facts.get("precision")]))
    for file in content["files"]:
        yield "sha256", f"{file['sha256']}  {file['name']}, {file['bytes']:,} bytes"
    yield "facts", f"{content['facts_from']}" if facts else "none"
    yield from _described(facts)
    kinds = (f"{count} {kind}" for kind, count in content["operators"].items())
    yield "operators", ", ".join(kinds)
    yield from _audited(content["audit"] or facts.get("audit") or {})


def _described(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Rows from the manifest or from the float model's embedded facts, which share most keys."""
    model = facts.get("model") or facts.get("variant")
    if model:
        yield "model", ", ".join(f"{name} {value}" for name, value in model.items())
    for name, tensors in (("in", facts.get("inputs", ())), ("out", facts.get("outputs", ()))):
        for t in tensors:
            yield name, f"{t['name']} {t['type']} {tuple(t['shape'])}: {t['meaning']}"
    if "crop" in facts:
        crop, turned = facts["crop"], ", turned upright" if facts["crop"].get("upright") else ""
        yield "crop rule", f"{crop['margin']} x the face, {crop['size']} pixels{turned}"
    yield from _measured(facts)
    licence = facts.get("licence") or facts.get("provenance", {}).get("licence")
    yield from (("licence", str(licence)),) if licence else ()
    if "source_sha256" in facts:
        yield "converted from", f"float model {facts['source_sha256']}"
    if "tools" in facts:
        yield "converted with", ", ".join(f"{name} {v}" for name, v in facts["tools"].items())


def _measured(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "parameters" in facts:
        work = facts["multiply_adds"] / 1e6
        yield "work", f"{facts['parameters']:,} parameters, {work:.1f} M multiply-adds"
    if "operators" in facts:
        counts = facts["operators"]
        yield "computing", f"{counts['int8']} of {counts['total']} operators in int8"
    if facts.get("keep_float"):
        yield "kept in float", ", ".join(facts["keep_float"])
    if calibration := facts.get("calibration"):
        yield "calibration", calibration_line(calibration)
    if parity := facts.get("parity"):
        yield "parity", _parity_line(parity, "faces")
        if other := parity.get("saturating"):
            yield "without VNNI", _parity_line(other, "faces")
    if parity := facts.get("fingerprint", {}).get("made"):
        yield "fingerprint", _parity_line(parity, "test patterns")


def calibration_line(calibration: Mapping[str, Any]) -> str:
    """Source, number and spread of the calibration faces."""
    line = f"{calibration['count']} faces of {calibration['source']}"
    for axis, bins in calibration.get("strata", {}).items():
        low, high = bins["edges"]
        line += f"; {axis} {'/'.join(map(str, bins['chosen']))} (edges {low:g}, {high:g})"
    if compared := calibration.get("compared_with"):
        line += f"; none among {', '.join(f'{n} test faces of {s}' for s, n in compared.items())}"
    return line


def _parity_line(parity: Mapping[str, Any], what: str) -> str:
    return (
        f"at most {parity['max_px']:.4f} px, on average {parity['mean_px']:.4f} px and "
        f"{parity['deviation_iod_percent']:.3f} % of the eye distance from the float model "
        f"({parity['faces']} {what})"
    )


def _audited(audit: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for why, names in audit.get("float", {}).items():
        yield "in float", f"{why}: {', '.join(names)}"
    if audit.get("runtime"):
        here = audit.get("runs_in_int8_here")
        count = "" if here is None else f": {here} operators in int8"
        yield "runs here", f"{audit['runtime']}{count}"
    for note in audit.get("notes", ()):
        yield "", note
