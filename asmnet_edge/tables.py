"""Tables for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table


def table(first: str, *others: str) -> Table:
    """Return an empty table with these columns, all but the first aligned to the right."""
    view = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    view.add_column(first, no_wrap=True)
    for name in others:
        view.add_column(name, justify="right", no_wrap=True)
    return view
