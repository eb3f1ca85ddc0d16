"""``asmnet-edge data``: pack faces, print statistics, draw faces, check data sets."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group
from rich.table import Table
from rich.text import Text

from asmnet_edge.cli.terminal import BrokenFaces, broken_option, notes, print_wide, with_progress
from asmnet_edge.datasets.catalog import dataset_help, open_dataset
from asmnet_edge.errors import CheckFailedError, UsageError
from asmnet_edge.io.display import table

if TYPE_CHECKING:
    from asmnet_edge.datasets.checks import CheckReport
    from asmnet_edge.datasets.sample import Dataset
    from asmnet_edge.datasets.statistics import MeasuredFaces

HELP = f"""Inspect, check and pack annotated faces.

DATASET is one of the following:

\b
{dataset_help()}
"""


@click.group(help=HELP)
def command() -> None:
    pass


@command.command()
@click.argument("dataset")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Pack to write (.npz)."
)
@click.option("--subset", default="train", show_default=True, help="Subset to pack.")
@click.option("--size", type=click.IntRange(32), help="Side of a crop in pixels.  [default: 320]")
@click.option("--quality", type=click.IntRange(1, 100), help="JPEG quality.  [default: 92]")
@click.option(
    "--margin",
    type=float,
    help="Side of a crop, as a multiple of the longer side of the landmarks' box; at least 1.25.  "
    "[default: 1.8]",
)
@broken_option
@click.option("--overwrite", is_flag=True, help="Replace a pack that exists.")
def prepare(
    dataset: str,
    output: Path,
    subset: str,
    size: int | None,
    quality: int | None,
    margin: float | None,
    broken: str,
    overwrite: bool,
) -> None:
    """Crop faces and write them as one file, a pack.

    A pack loads much faster than its pictures. Use it as pack:FILE wherever a command expects a
    data set. With the default size, margin and quality, training sees the same crops as from the
    original pictures.
    """
    from asmnet_edge.datasets.pack import JPEG_QUALITY, PACK_RULE, make_pack
    from asmnet_edge.datasets.pack_file import PackFacts, PackFile, write_pack
    from asmnet_edge.geometry.crop import CropRule
    from asmnet_edge.io.files import refuse_existing

    if output.suffix != ".npz":
        raise UsageError(f"a pack is a .npz file, got {output}")
    refuse_existing([output], overwrite)
    source, faces = open_dataset(dataset), BrokenFaces(broken)
    if isinstance(source, PackFile):
        raise UsageError(f"{dataset} is a pack already", "Copy it, or pack the original data set")
    margin = PACK_RULE.margin if margin is None else margin
    if not CropRule().margin <= margin < math.inf:
        raise UsageError(f"a pack needs a margin of at least {CropRule().margin}, got {margin}",
                         "What a model sees must lie within it")  # fmt: skip
    rule = CropRule(margin, size or PACK_RULE.size)
    quality = quality or JPEG_QUALITY
    bar = partial(with_progress, description=f"packing {source.name} {subset}")
    samples = source.samples(subset, faces)
    pack = make_pack(samples, bar, faces, rule, quality)
    facts = PackFacts.of(source, subset, samples, rule, quality, len(faces.skipped))
    write_pack(output, pack, facts)
    faces.report()
    click.echo(f"{output}: {len(pack):,} faces, {output.stat().st_size / 2**20:.1f} MiB")
    for lack in facts.missing:
        notes.print(f"missing: {lack.faces:,} of {lack.part}")
    notes.print(f"licence: {facts.licence}", soft_wrap=True)


@command.command()
@click.argument("datasets", metavar="DATASET...", nargs=-1, required=True)
@click.option(
    "--subset", "subsets", multiple=True, help="Subset to report.  May be repeated.  [default: all]"
)
@click.option("--output", type=click.Path(path_type=Path),
              help="Folder for contact-sheet.png, pose.png and stats.json.")  # fmt: skip
@broken_option
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the numbers as JSON instead of tables."
)
def stats(
    datasets: tuple[str, ...],
    subsets: tuple[str, ...],
    output: Path | None,
    broken: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Print the number, sizes and poses of the faces."""
    from asmnet_edge.datasets.figures import OUTPUTS, write_figures
    from asmnet_edge.errors import require
    from asmnet_edge.io.files import refuse_existing

    if output:
        require("matplotlib", "train")
        refuse_existing([output / name for name in OUTPUTS], overwrite)
    faces = BrokenFaces(broken)
    opened = {words: open_dataset(words) for words in datasets}
    labels = _labels(opened)
    measured = [
        _measure(dataset, subset, faces, labels[words])
        for words, dataset in opened.items()
        for subset in _shown(dataset, subsets or dataset.subsets, faces, labels[words])
    ]
    faces.report()
    figures = [subset.as_json() for subset in measured]
    if output:
        write_figures(output, measured)
        notes.print(f"written: {', '.join(OUTPUTS)} in {output}", soft_wrap=True)
    if as_json:
        click.echo(json.dumps(figures))
        return
    for content in figures:
        print_wide(stats_table(content))


def _labels(opened: dict[str, Dataset]) -> dict[str, str]:
    """A name for each data set, with that of its file where several share one."""
    shared = Counter(dataset.name for dataset in opened.values())
    return {
        words: d.name if shared[d.name] == 1 else f"{d.name}:{Path(words).name.split(':')[-1]}"
        for words, d in opened.items()
    }


def _shown(
    dataset: Dataset, subsets: Sequence[str], faces: BrokenFaces, label: str
) -> Sequence[str]:
    """``subsets`` without those that repeat another one; each of these is noted in a line."""
    from asmnet_edge.datasets.statistics import repeated

    repeats = repeated(dataset, subsets, faces)
    for subset, other in repeats.items():
        lacks = "".join(f"; missing: {m.faces:,} of {m.part}" for m in dataset.missing(subset))
        notes.print(
            f"{label} {subset}: the faces of {other}, not shown again{lacks}", soft_wrap=True
        )
    return [subset for subset in subsets if subset not in repeats]


def _measure(dataset: Dataset, subset: str, faces: BrokenFaces, label: str) -> MeasuredFaces:
    from asmnet_edge.datasets.statistics import measure

    bar = partial(with_progress, description=f"measuring {label} {subset}")
    return measure(dataset, subset, bar, faces, label)


@command.command()
@click.option("--count", required=True, type=click.IntRange(1), help="Number of faces.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Seed of the random faces; the same seed gives the same faces.")  # fmt: skip
@click.option("--size", type=click.IntRange(32), default=256, show_default=True,
              help="Side of a picture in pixels.")  # fmt: skip
def synth(count: int, output: Path, seed: int, size: int) -> None:
    """Draw faces and write them with their exact landmarks and pose.

    Writes OUTPUT/faces/*.png, OUTPUT/faces.csv and OUTPUT/pose.csv. Use them as the data set
    csv:OUTPUT/faces.csv.
    """
    from asmnet_edge.datasets.csv_table import write_drawn
    from asmnet_edge.datasets.synthetic import DrawnFaces

    bar = partial(with_progress, description="drawing")
    table = write_drawn(DrawnFaces(count, seed, size), output, bar)
    click.echo(f"{count:,} faces; use them as csv:{table}")


@command.command()
@click.argument("datasets", metavar="DATASET...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(datasets: tuple[str, ...], as_json: bool) -> None:
    """Find broken, implausible and repeated faces.

    The exit code is 1 if there are any.
    """
    from dataclasses import asdict

    from asmnet_edge.datasets import checks

    opened = [open_dataset(words) for words in datasets]
    report = checks.check(opened, partial(with_progress, description="checking"))
    if as_json:
        findings = [asdict(finding) for finding in report.findings]
        counts = dict(report.counts)
        outside = {where: asdict(faces) for where, faces in report.outside.items()}
        content = {"findings": findings, "counts": counts, "outside": outside}
        click.echo(json.dumps({**content, "handled": report.handled}))
    else:
        print_wide(findings_table(report))
    if report.findings:
        kinds = Counter(finding.kind for finding in report.findings)
        found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        raise CheckFailedError(f"findings: {found}", "Mend or leave out what the lines above name")


# Tables

COLUMNS = ("mean", "sd", "p5", "median", "p95")


def stats_table(stats: dict[str, Any]) -> Group:
    """Return the table of one subset; ``stats`` : from `MeasuredFaces.as_json`."""
    labels = stats["pose_label_mae"]
    view = table("", "mean", "sd", "5 %", "median", "95 %", *(["label MAE"] if labels else []))
    for name, spread in _sizes(stats).items():
        view.add_row(name, *(f"{spread[column]:.0f}" for column in COLUMNS))
    for axis, spread in (stats["pose"] or {}).items():
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
    lines += _pose_notes(stats)
    return "\n".join([*lines, f"licence: {stats['licence']}", ""])


def _pose_notes(stats: dict[str, Any]) -> list[str]:
    exact, faces, scheme = stats["pose_exact"], stats["faces"], stats["scheme"]
    if stats["pose"] is None:
        return [f"pose: not known; {scheme} landmarks have no map to iBUG's 68 to fit it to"]
    if not exact:
        return ["pose: fitted to the landmarks"]
    lines = [f"pose: exact for {exact:,} of {faces:,} faces, else fitted to the landmarks"]
    if stats["pose_label_mae"]:
        lines.append("label MAE: mean difference of the fitted pose from the exact one")
    return lines


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
