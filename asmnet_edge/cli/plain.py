"""What a verb that runs on a device needs of the terminal; no tables, so quick to load."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from asmnet_edge.errors import AsmnetEdgeError


def note(line: str) -> None:
    """``line`` to standard error, so that --json on standard output stays clean."""
    click.echo(line, err=True)


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed or the service is to stop, so that work ends where it is whole.

    A second Ctrl-C interrupts at once.
    """
    asked: list[int] = []

    def noted(number: int, _: object) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)

    before = {n: signal.signal(n, noted) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def silenced() -> Iterator[None]:
    """Keep everything that libraries print, from C++ as well, off the terminal.

    When the block fails unexpectedly, the last lines are printed after all: they often say why.
    """
    sys.stdout.flush(), sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
        unexpected = False
        try:
            yield
        except AsmnetEdgeError:
            raise
        except Exception:
            unexpected = True
            raise
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            for kept_descriptor, descriptor in zip(kept, (1, 2), strict=True):
                os.dup2(kept_descriptor, descriptor)
                os.close(kept_descriptor)
            if unexpected:
                log.seek(0)
                sys.stderr.writelines(log.readlines()[-10:])
