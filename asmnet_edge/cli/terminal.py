"""Terminal output that verbs share: progress bars, notes, silenced libraries."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import click
from rich.console import Console, RenderableType
from rich.progress import track

from asmnet_edge.cli.plain import silenced, stop_requests
from asmnet_edge.errors import DataError, NotAFaceError, require

__all__ = [
    "BrokenFaces",
    "aloud",
    "broken_option",
    "import_keras",
    "import_quietly",
    "notes",
    "print_wide",
    "silenced",
    "stop_requests",
    "with_progress",
]

T = TypeVar("T")

# progress and notes go to standard error, so that --json on standard output stays clean
notes = Console(stderr=True, markup=False, highlight=False)


def print_wide(content: RenderableType) -> None:
    """Print to standard output; piped, not folded to the 80 columns that Rich assumes."""
    console = Console()
    (console if console.is_terminal else Console(width=110)).print(content)


def with_progress(items: Sequence[T], description: str) -> Iterable[T]:
    """Yield ``items`` with a progress bar; silent without a terminal."""
    return track(items, description, console=notes, disable=not notes.is_terminal, transient=True)


broken_option = click.option(
    "--broken",
    type=click.Choice(["refuse", "skip"]),
    default="refuse",
    show_default=True,
    help="Faces whose annotation or picture cannot be used: stop there, or go on without them.",
)


class BrokenFaces:
    """Handler of broken faces, as ``--broken`` asks; pass it as ``on_broken``.

    skipped : a line for each broken face that was left out; others : lines for what is not a face
    """

    def __init__(self, broken: str = "refuse") -> None:
        self.skip = broken == "skip"
        self.skipped: list[str] = []
        self.others: list[str] = []

    def __call__(self, error: DataError) -> None:
        if not self.skip:
            error.cure = error.cure or "Mend it, or go on without it: --broken skip"
            raise error
        (self.others if isinstance(error, NotAFaceError) else self.skipped).append(str(error))

    def report(self) -> None:
        """Print each face that was left out, and how many; and once what is not a face."""
        others = [line for line in dict.fromkeys(self.others) if line not in self.skipped]
        for line in (*others, *self.skipped):
            notes.print(f"left out: {line}", soft_wrap=True)
        if self.skipped:
            count = len(self.skipped)
            notes.print(f"{count} broken face{'' if count == 1 else 's'} left out")


def import_quietly(*modules: str, extra: str) -> None:
    """Import heavy ``modules`` of an ``extra`` without their start-up chatter.

    `MissingExtraError` says how to install an absent one.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with silenced():
        for module in modules:
            require(module, extra)


def import_keras() -> None:
    """Import Keras with the backend that ``KERAS_BACKEND`` names, by default TensorFlow."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    known = [backend] if backend in ("tensorflow", "jax", "torch") else []
    import_quietly(*known, "keras", extra="train")


def aloud() -> Console:
    """Like `notes`, for what is said while libraries are `silenced`: taken before they are."""
    own = os.fdopen(os.dup(2), "w")
    return Console(file=own, markup=False, highlight=False)
