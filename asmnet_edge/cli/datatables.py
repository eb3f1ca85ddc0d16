"""Tables of ``asmnet-edge data``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from asmnet_edge.tables import table

if TYPE_CHECKING:
    from asmnet_edge.data.checks import CheckReport

COLUMNS = ("mean", "sd", "p5", "median", "p95")


def stats_table(stats: dict[str, Any]) -> Group:
    """Return the table of one subset; ``stats`` : from `MeasuredFaces.as_json`."""
    labels = stats["pose_label_mae"]
    view = table("", "mean", "sd", "5 %", "median", "95 %", *(["label MAE"] if labels else []))
    for name, spread in _sizes(stats).items():
        view.add_row(name, *(f"{spread[column]:.0f}" for column in COLUMNS))
    for axis, spread in stats["pose"].items():
        cells = [f"{spread[column]:+.1f}" for column in COLUMNS]
        cells[1] = f"{spread['sd']:.1f}"
        view.add_row(f"{axis}, °", *cells, *([f"{labels[axis]:.2f}"] if labels else []))
    return Group(Text(_title(stats), style="bold"), view, Text(_notes(stats)))


def _sizes(stats: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {
        "picture width, px": stats["picture_px"]["width"],
        "picture height, px": stats["picture_px"]["height"],
        "face box, longer side, px": stats["box_px"],
        "outer eye corners apart, px": stats["inter_ocular_px"],
    }


def _title(stats: dict[str, Any]) -> str:
    return (
        f"{stats['dataset']} {stats['subset']}: {stats['faces']:,} faces, "
        f"{stats['identities']:,} identities, {stats['scheme']}"
    )


def _notes(stats: dict[str, Any]) -> str:
    lines = [f"missing: {m['faces']:,} of {m['part']}" for m in stats["missing"]]
    lines.append(f"{100 * stats['points_outside']:.2f} % of the points lie outside their picture")
    exact, faces = stats["pose_exact"], stats["faces"]
    if exact:
        lines.append(f"pose: exact for {exact:,} of {faces:,} faces, else fitted to the landmarks")
        lines.append("label MAE: mean difference of the fitted pose from the exact one")
    else:
        lines.append("pose: fitted to the landmarks")
    return "\n".join([*lines, f"licence: {stats['licence']}", ""])


def findings_table(report: CheckReport) -> Group:
    """Return the findings, and the number of faces checked."""
    view = table("kind")
    for name in ("where", "what"):
        view.add_column(name, overflow="fold")
    for finding in report.findings:
        view.add_row(*(Text(str(cell)) for cell in (finding.kind, finding.where, finding.what)))
    return Group(*([view] if report.findings else []), _examined(report), _handled(report))


def _handled(report: CheckReport) -> Text:
    pairs = f"{report.handled:,} pair{'' if report.handled == 1 else 's'}"
    known = f"{pairs} of a training face and a test photo known: left out of training"
    return Text(known if report.handled else "")


def _examined(report: CheckReport) -> Table:
    view = table("checked", "faces", "points outside", "farthest")
    view.add_column("in", overflow="fold")
    for where, count in report.counts.items():
        outside = report.outside.get(where)
        cells = (f"{outside.share:.2%}", f"{outside.worst:.1%}") if outside else ("", "")
        view.add_row(where, f"{count:,}", *cells, Text(outside.worst_face if outside else ""))
    view.caption = "farthest: how far a point lies outside its picture, in % of the face's size"
    return view
