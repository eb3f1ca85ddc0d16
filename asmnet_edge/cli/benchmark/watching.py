"""Whoever watches a run: how far it is, and how it is ended politely."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from asmnet_edge.cli.terminal import notes


@contextmanager
def terminable(*signals: signal.Signals) -> Iterator[None]:
    """Polite ends, such as SIGTERM, are taken as Ctrl-C."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def progress_bar() -> Bar:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Bar(*columns, TimeElapsedColumn(), console=notes, transient=True)


def progress_on(bar: Bar) -> Callable[[str, int], Callable[[], None]]:
    """A bar on a terminal; a line for each phase where standard error is a file."""

    def begin(what: str, steps: int) -> Callable[[], None]:
        if not notes.is_terminal:
            notes.print(f"{what}: {steps}")
            return lambda: None
        task = bar.add_task(what, total=steps)
        return lambda: bar.advance(task)

    return begin
