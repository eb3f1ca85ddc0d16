"""``asmnet-edge convert``: options in, progress and tables out.

`asmnet_edge.converters.conversion` does the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from asmnet_edge.cli.arguments import MODEL
from asmnet_edge.cli.console import silenced
from asmnet_edge.cli.terminal import notes, print_wide, unsilenced_console
from asmnet_edge.errors import CheckFailedError
from asmnet_edge.formats import USUAL_PRECISIONS, Precision, format_names
from asmnet_edge.io.display import table
from asmnet_edge.io.files import SHIPPED_FLOAT, shipped
from asmnet_edge.runtime.detector import DETECTORS

if TYPE_CHECKING:
    from asmnet_edge.converters.accuracy.mixed_precision import Planned
    from asmnet_edge.converters.accuracy.scores import Score
    from asmnet_edge.converters.batch import JobResult
    from asmnet_edge.converters.conversion import ConversionEvent, ConversionReport, ConvertOptions
    from asmnet_edge.converters.jobs import ConversionJob

FORMATS = f"[{'|'.join([*format_names(), 'all'])}]"


class ProgressLines:
    """Progress of a conversion on standard error: a line for each artifact and note.

    On a terminal, the line of the artifact in progress shows its current step.
    """

    def __init__(self) -> None:
        self._loud = unsilenced_console()  # for events while libraries are silenced
        self._live: Progress | None = None
        self._head = ""

    def __call__(self, event: ConversionEvent) -> None:
        """Show ``event``."""
        if event.kind == "started":
            self._start(event.message)
        elif event.kind == "step" and event.number:
            self._describe(event.message)
        elif event.kind == "step":
            self._loud.print(event.message, soft_wrap=True)
        else:
            self._stop()
            notes.print(event.message, soft_wrap=True)

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failed, head = kind and self._head, self._head
        self._stop()
        if failed:
            notes.print(f"{head} ... failed")

    def _start(self, head: str) -> None:
        self._head = head
        if notes.is_terminal:
            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            self._live = Progress(*columns, console=self._loud, transient=True)
            self._live.add_task(head, total=None)
            self._live.start()

    def _describe(self, message: str) -> None:
        if self._live:
            self._live.update(self._live.task_ids[0], description=message)

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
        self._live, self._head = None, ""


def result_table(results: Sequence[JobResult]) -> Table:
    """Return the table of results: size, int8 operators, parity and time of each artifact."""
    columns = ("MB", "int8 ops", "max px", "mean px", "deviation %", "without VNNI %", "seconds")
    view = table("artifact", *columns)
    for result in results:
        if result.manifest is None:
            view.add_row(result.path.name, *["-"] * 6, "failed")
            continue
        parity, operators = result.manifest.parity, result.manifest.operators
        view.add_row(
            result.path.name,
            f"{result.manifest.bytes / 1e6:.2f}",
            f"{operators['int8']} of {operators['total']}",
            f"{parity['max_px']:.4f}",
            f"{parity['mean_px']:.4f}",
            f"{parity['deviation_iod_percent']:.3f}",
            _without_vnni(parity),
            f"{sum(result.seconds.values()):.1f}" if result.seconds else "kept",
        )
    return view


def _without_vnni(parity: Mapping[str, Any]) -> str:
    """Deviation in saturating arithmetic; empty for manifests from before it was measured."""
    other = parity.get("saturating")
    return f"{other['deviation_iod_percent']:.3f}" if other else ""


def job_table(jobs: Sequence[ConversionJob], source: Path, folder: Path) -> Table:
    """Return the table of the files that would be written to ``folder``, and which exist."""
    view = table("artifact", "other files", "calibrated", "exists")
    for job in jobs:
        *others, path, manifest = job.files(folder, source.stem)
        existing = [file.name for file in (*others, path, manifest) if file.exists()]
        view.add_row(
            path.name,
            ", ".join(file.name.removeprefix(source.stem) for file in (*others, manifest)),
            "yes" if job.is_calibrated else "no",
            "yes" if len(existing) == len(others) + 2 else ", ".join(existing) or "no",
        )
    return view


def plan_table(planned: Planned) -> Table:
    """Return the table of scores of the planned artifacts, on the faces of each half."""
    chosen, verified = planned.outcome.scores, planned.verified
    view = table("", "chosen: deviation %", "drop %", "verified: deviation %", "drop %")
    for name, score in verified.items():
        view.add_row(name, *_cells(chosen[name]), *_cells(score))
    return view


def _cells(score: Score) -> tuple[str, str]:
    drop = "" if score.nme_drop is None else f"{score.nme_drop:+.3f}"
    return f"{score.deviation:.3f}", drop


@click.command()
@click.argument("format", metavar=FORMATS)
@click.argument("model", required=False, type=MODEL)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("artifacts"),
    show_default=True,
    help="Folder for the artifacts.",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice([*map(str, Precision), "all"]),
    multiple=True,
    help=f"May be repeated. all stands for the first {len(USUAL_PRECISIONS)}.  "
    "[default: float32, int8]",
)
@click.option(
    "--data",
    metavar="KIND:PATH",
    help="Faces to calibrate int8 on: the training part of a data set, such as 300w:DIR, "
    "or pictures:DIR for pictures without landmarks.  [default: drawn faces]",
)
@click.option(
    "--faces", type=click.IntRange(1), help="Number of faces to calibrate on.  [default: 128]"
)
@click.option(
    "--detector",
    type=click.Choice([*DETECTORS]),
    default="haar",
    show_default=True,
    help="Face detector for pictures:DIR. none treats each picture as one face.",
)
@click.option(
    "--yunet", "detector_model", type=MODEL, help="Model file (.onnx) of --detector yunet."
)
@click.option(
    "--not-in",
    multiple=True,
    metavar="KIND:PATH",
    help="Refuse to calibrate on faces that are also in the test subsets of this data "
    "set.  May be repeated.",
)
@click.option(
    "--max-nme-drop",
    type=click.FloatRange(0),
    metavar="POINTS",
    help="Limit the rise of the NME to this many percentage points: as few blocks as "
    "possible stay in float.",
)
@click.option(
    "--max-deviation",
    type=click.FloatRange(0),
    metavar="PERCENT",
    help="Like --max-nme-drop, but limits the distance to the float model's landmarks, "
    "in % of the inter-ocular distance. Needs no annotations.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of formats to convert in parallel. Each needs 2.5 GB of memory.",
)
@click.option("--dry-run", is_flag=True, help="List what would be converted, and convert nothing.")
@click.option(
    "--resume",
    is_flag=True,
    help="Keep existing artifacts that would not change, and make the missing ones.",
)
@click.option("--overwrite", is_flag=True, help="Replace artifacts that exist.")
def command(format: str, model: Path | None, dry_run: bool, **words: Any) -> None:
    """Convert the float MODEL (default: the shipped ASMNet-68) to a format, or to all of them.

    Each artifact is compared with the float model in its own runtime before it is published under
    its final name, and has a manifest beside it. An interrupted run leaves only complete artifacts;
    --resume makes the missing ones.
    """
    from asmnet_edge.converters.conversion import Conversion

    source, options = model or shipped(SHIPPED_FLOAT), options_of(format, **words)
    if dry_run:
        _print_plan(options, source)
        return
    with ProgressLines() as progress:
        report = Conversion(source, options, progress, silenced).run()
    print_wide(result_table(report.results))
    notes.print(f"in {options.output}", soft_wrap=True)
    print_wide("from the float model, in crop pixels and in % of the inter-ocular distance")
    _raise_failures(report)
    _print_planned(report)
    report.check_goal()


def options_of(
    format: str,
    *,
    precisions: tuple[str, ...] = (),
    data: str | None = None,
    faces: int | None = None,
    jobs: int = 1,
    **others: Any,
) -> ConvertOptions:
    """Return the options given on the command line."""
    from asmnet_edge.converters.conversion import ConvertOptions

    given: dict[str, Any] = {"precisions": precisions, "data": data, "faces": faces}
    return ConvertOptions(
        formats=() if format == "all" else (format,),
        processes=jobs,
        **others,
        **{name: value for name, value in given.items() if value},
    )


def _print_plan(options: ConvertOptions, source: Path) -> None:
    from asmnet_edge.converters.inspection.contents import inspect

    inspect(source)  # raises for a file that is no float model
    if any(job.is_calibrated for job in options.jobs):
        notes.print(f"int8 would be calibrated on {options.source.described()}", soft_wrap=True)
    notes.print(f"from {source} to {options.output}", soft_wrap=True)
    print_wide(job_table(options.jobs, source, options.output))


def _print_planned(report: ConversionReport) -> None:
    if planned := report.planned:
        blocks = ", ".join(planned.outcome.plan.blocks)
        print_wide(f"kept in float: {blocks or 'no block was needed'}")
        print_wide(plan_table(planned))


def _raise_failures(report: ConversionReport) -> None:
    failures = list(report.failures.values())
    if failures and len(report.results) == 1:
        raise failures[0]
    for failure in failures:
        notes.print(f"not published: {failure}", soft_wrap=True)
    if failures:
        count = f"{len(failures)} of {len(report.results)} artifacts failed their check"
        raise CheckFailedError(count)
