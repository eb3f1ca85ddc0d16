"""What the verbs share on the terminal: progress bars, quiet libraries, number formats."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")

# progress and notes go to standard error, so that --json on standard output stays clean
notes = Console(stderr=True)


def with_progress(items: Sequence[T], description: str) -> Iterable[T]:
    """``items`` with a bar while they are walked through; silent where nobody watches."""
    return track(items, description, console=notes, disable=not notes.is_terminal, transient=True)


def quiet_libraries() -> None:
    """Keep the start-up chatter of TensorFlow, absl and friends off the terminal.

    To be called before the first of them is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    warnings.filterwarnings("ignore", module="keras|tensorflow|nncf|tf2onnx")
