"""How long work tells those who wait for it how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int], Callable[[], None]]  # (what, steps) -> call after each step
