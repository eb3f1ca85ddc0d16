"""What ``convert`` prints: the plan, the progress of each artifact, and the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from asmnet_edge.cli.terminal import notes, unsilenced_console
from asmnet_edge.tables import table

if TYPE_CHECKING:
    from asmnet_edge.converters.accuracy.faces import Score
    from asmnet_edge.converters.accuracy.planned import Planned
    from asmnet_edge.converters.batch import JobResult
    from asmnet_edge.converters.conversion import ConversionEvent
    from asmnet_edge.converters.orders import ConversionJob


class ProgressLines:
    """Progress of a conversion on standard error: a line for each artifact and note.

    On a terminal, the line of the artifact that is being made shows its current step.
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
    """Size, share of int8 operators, parity and time of each artifact."""
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
    """What would be made in ``folder``, and which of the files exist already."""
    view = table("artifact", "with it", "calibrated", "there already")
    for job in jobs:
        *others, path, manifest = job.files(folder, source.stem)
        there = [file.name for file in (*others, path, manifest) if file.exists()]
        view.add_row(
            path.name,
            ", ".join(file.name.removeprefix(source.stem) for file in (*others, manifest)),
            "yes" if job.is_calibrated else "no",
            "yes" if len(there) == len(others) + 2 else ", ".join(there) or "no",
        )
    return view


def plan_table(planned: Planned) -> Table:
    """Cost of each planned artifact on the faces it was chosen on, and on those to verify on."""
    chosen, verified = planned.outcome.scores, planned.verified
    view = table("", "chosen: deviation %", "drop %", "verified: deviation %", "drop %")
    for name, score in verified.items():
        view.add_row(name, *_cells(chosen[name]), *_cells(score))
    return view


def _cells(score: Score) -> tuple[str, str]:
    drop = "" if score.nme_drop is None else f"{score.nme_drop:+.3f}"
    return f"{score.deviation:.3f}", drop
