"""Processes of our own: how another Python is started."""

from __future__ import annotations

import sys


def our_python(*words: str) -> list[str]:
    """Command of a Python that runs ``words`` and takes no module from the folder it starts in.

    With ``-m`` or ``-c`` alone a ``resource.py`` that lies there would come before Python's own.
    """
    return [sys.executable, "-P", *words]
