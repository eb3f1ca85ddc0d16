"""Terminal output of commands that run on a device; without tables, so fast to import."""

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
    """Print ``line`` to standard error, so that standard output holds only the JSON of --json."""
    click.echo(line, err=True)


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM arrived.

    The caller checks it between pieces of work, so that results are complete when it stops. A
    second Ctrl-C interrupts at once. The previous handlers are restored at the end.
    """
    received: list[int] = []

    def handle(number: int, _: object) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt
        received.append(number)

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def silenced() -> Iterator[None]:
    """Suppress everything that libraries print in the block, also from C++.

    If the block fails unexpectedly, the last 10 lines are printed: they often state the cause.
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
