"""Output that several commands share: consoles, progress bars, broken faces, quiet imports.

Rich makes it slower to import than `asmnet_edge.cli.console`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import click
from rich.console import Console, RenderableType
from rich.progress import track

from asmnet_edge.cli.console import silenced
from asmnet_edge.errors import DataError, NotAFaceError, require
from asmnet_edge.io.system import set_keras_defaults

T = TypeVar("T")

# progress and notes go to standard error, so that --json on standard output stays clean
notes = Console(stderr=True, markup=False, highlight=False)


def print_wide(content: RenderableType) -> None:
    """Print to standard output; into a pipe with 110 columns, where Rich would assume 80."""
    console = Console()
    (console if console.is_terminal else Console(width=110)).print(content)


def with_progress(items: Sequence[T], description: str) -> Iterable[T]:
    """Iterate over ``items`` with a progress bar, or without one when there is no terminal."""
    return track(items, description, console=notes, disable=not notes.is_terminal, transient=True)


broken_option = click.option(
    "--broken",
    type=click.Choice(["refuse", "skip"]),
    default="refuse",
    show_default=True,
    help="Stop at a face whose annotation or picture cannot be used, or skip it.",
)


class BrokenFaces:
    """Handler of broken faces, according to ``--broken``; pass it as ``on_broken``.

    broken : "refuse" or "skip"
    skipped : a line for each broken face that was skipped
    others : a line for each skipped picture in which there is no face
    """

    def __init__(self, broken: str = "refuse") -> None:
        self.skip = broken == "skip"
        self.skipped: list[str] = []
        self.others: list[str] = []

    def __call__(self, error: DataError) -> None:
        if not self.skip:
            error.cure = error.cure or "Repair it, or continue without it: --broken skip"
            raise error
        (self.others if isinstance(error, NotAFaceError) else self.skipped).append(str(error))

    def report(self) -> None:
        """Print each skipped face and their number; equal lines only once."""
        others = [line for line in dict.fromkeys(self.others) if line not in self.skipped]
        for line in (*others, *self.skipped):
            notes.print(f"left out: {line}", soft_wrap=True)
        if self.skipped:
            count = len(self.skipped)
            notes.print(f"{count} broken face{'' if count == 1 else 's'} left out")


def import_quietly(*modules: str, extra: str) -> None:
    """Import heavy ``modules`` of an ``extra`` without their start-up messages.

    `MissingExtraError` states how to install a module that is missing.
    """
    set_keras_defaults()
    with silenced():
        for module in modules:
            require(module, extra)


def import_keras() -> None:
    """Import Keras with the backend that ``KERAS_BACKEND`` names, by default TensorFlow."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    known = [backend] if backend in ("tensorflow", "jax", "torch") else []
    import_quietly(*known, "keras", extra="train")


def unsilenced_console() -> Console:
    """Return a console like `notes` that still prints inside a `silenced` block opened later."""
    standard_error = os.fdopen(os.dup(2), "w")
    return Console(file=standard_error, markup=False, highlight=False)
