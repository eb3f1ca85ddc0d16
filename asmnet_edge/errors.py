"""Tree of all errors that the program raises on purpose.

Each states what was expected, what was found and what to do next. The command line turns any
``AsmnetEdgeError`` into one line and its exit code; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

EXIT_CHECK_FAILED = 1
EXIT_WRONG_USE = 2


class AsmnetEdgeError(Exception):
    """Base of all errors: a message, an optional cure, and an exit code."""

    exit_code = EXIT_WRONG_USE

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}. {self.cure}" if self.cure else self.message


class UsageError(AsmnetEdgeError):
    """An option or argument that cannot be carried out as given."""


class DataError(AsmnetEdgeError):
    """A data set, annotation or picture that is missing or broken."""


class NotAFaceError(DataError):
    """Part of a data set that cannot be used and is not counted as a face of the subset.

    Such are a folder without faces, and a line that does not state its subset.
    """


class PictureError(DataError):
    """A picture that cannot be read."""


class ModelError(AsmnetEdgeError):
    """A float model or artifact that is missing, broken or of another kind than expected."""


class MissingExtraError(AsmnetEdgeError):
    """A package of one of our extras is not installed."""


class OutputExistsError(AsmnetEdgeError):
    """The output exists and ``--overwrite`` was not given."""


class CheckFailedError(AsmnetEdgeError):
    """The work was done, and its result does not pass a check."""

    exit_code = EXIT_CHECK_FAILED


def require(module: str, extra: str) -> ModuleType:
    """Import ``module`` or raise `MissingExtraError` with the ``pip install`` line of ``extra``."""
    cure = f"pip install 'asmnet-edge[{extra}]', or in a checkout '.[{extra}]'"
    with missing_package(module, cure):
        return importlib.import_module(module)


@contextmanager
def missing_package(module: str, cure: str) -> Iterator[None]:
    """Raise `MissingExtraError` with the command ``cure`` if the package of ``module`` is missing.

    An error about another package, which that one imports, is raised as it is.
    """
    package = module.split(".")[0]
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != package:
            raise
        raise MissingExtraError(
            f"this needs the package {package!r}, which is not installed",
            f"Install it with: {cure}",
        ) from error
