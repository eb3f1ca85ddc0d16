"""What ``convert`` shows: the plan, each artifact while it is made, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from asmnet_edge.cli.terminal import notes, unsilenced_console
from asmnet_edge.tables import table

if TYPE_CHECKING:
    from asmnet_edge.converters.batch import Made
    from asmnet_edge.converters.orders import Order


class Told:
    """One artifact's line: which step it is in while someone watches, then the time of each."""

    def __init__(self, head: str) -> None:
        self._head, self._live = head, Progress(disable=True)
        if notes.is_terminal:
            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            self._live = Progress(*columns, console=unsilenced_console(), transient=True)
        self._task = self._live.add_task(head, total=None)

    def __enter__(self) -> Told:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._live.stop()
        if kind:
            notes.print(f"{self._head} ... failed")

    def step(self, name: str) -> None:
        self._live.update(self._task, description=f"{self._head}: {name}")

    def done(self, made: Made) -> None:
        self._live.stop()
        steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in made.seconds.items())
        notes.print(f"{self._head} ... {'failed its check; ' if made.failure else ''}{steps}")


def made_table(made: Sequence[Made]) -> Table:
    """Size, share of int8 operators, parity and time of each artifact."""
    columns = ("MB", "int8 ops", "max px", "mean px", "deviation %", "without VNNI %", "seconds")
    view = table("artifact", *columns)
    for one in made:
        if one.manifest is None:
            view.add_row(one.path.name, *["-"] * 6, "failed")
            continue
        parity, operators = one.manifest.parity, one.manifest.operators
        view.add_row(
            one.path.name,
            f"{one.manifest.bytes / 1e6:.2f}",
            f"{operators['int8']} of {operators['total']}",
            f"{parity['max_px']:.4f}",
            f"{parity['mean_px']:.4f}",
            f"{parity['deviation_iod_percent']:.3f}",
            _without_vnni(parity),
            f"{sum(one.seconds.values()):.1f}" if one.seconds else "kept",
        )
    return view


def _without_vnni(parity: Mapping[str, Any]) -> str:
    """Deviation in saturating arithmetic; manifests of before it was measured do not tell."""
    other = parity.get("saturating")
    return f"{other['deviation_iod_percent']:.3f}" if other else ""


def plan_table(orders: Sequence[Order], source: Path, folder: Path) -> Table:
    """What would be made in ``folder``, and which of its files are there already."""
    view = table("artifact", "with it", "calibrated", "there already")
    for order in orders:
        *others, path, manifest = order.files(folder, source.stem)
        there = [file.name for file in (*others, path, manifest) if file.exists()]
        view.add_row(
            path.name,
            ", ".join(file.name.removeprefix(source.stem) for file in (*others, manifest)),
            "yes" if order.is_calibrated else "no",
            "yes" if len(there) == len(others) + 2 else ", ".join(there) or "no",
        )
    return view
