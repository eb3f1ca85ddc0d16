"""Progress of long work, as functions that the caller gives."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int], Callable[[], None]]  # (what, steps) -> call after each step


def no_progress(what: str, steps: int) -> Callable[[], None]:
    """Report nothing."""
    return lambda: None
