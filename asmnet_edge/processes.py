"""Processes of our own: how another Python is started, and worker processes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext


def our_python(*words: str) -> list[str]:
    """Command of a Python that runs ``words`` and takes no module from the folder it starts in.

    With ``-m`` or ``-c`` alone a ``resource.py`` that lies there would come before Python's own.
    """
    return [sys.executable, "-P", *words]


def spawning() -> SpawnContext:
    """How worker processes are begun: anew, and like `our_python`.

    Multiprocessing starts them with ``-c`` and has no way to add ``-P``. A variable stands for it,
    from here on for all children of this process; then they are given our own ``sys.path``.
    """
    from multiprocessing import get_context  # not for nothing: it takes a while to load

    os.environ["PYTHONSAFEPATH"] = "1"
    return get_context("spawn")
