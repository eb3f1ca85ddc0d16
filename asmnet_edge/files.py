"""Writing files whole or not at all, and naming them by content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asmnet_edge.errors import OutputExistsError, UsageError


def sha256(source: Path | bytes) -> str:
    """Hex SHA-256 of a file's bytes, or of bytes that were read already."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(paths: Sequence[Path]) -> str:
    """Of files that belong together: that of their hashes in this order; of one file its own."""
    hashes = [sha256(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode())


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; renamed onto it when the block ends well, else removed.

    The name keeps the suffix, as most exporters choose the format by it. Rename within one file
    system is atomic (POSIX), so nobody ever sees half a file.
    """
    make_folder(path.parent)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            put_in_place(temporary, path)
    except BrokenPipeError:
        raise  # of whom results are printed to: no file of ours
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path``; renamed to it when the block ends well, else removed.

    `OutputExistsError` if ``path`` is there and not an empty folder: none is ever replaced.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputExistsError(f"{path} is there already", "Give another folder, or remove it")
    make_folder(path.parent)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            temporary.mkdir()
            yield temporary
            os.replace(temporary, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def put_in_place(finished: Path, final: Path) -> None:
    """Rename ``finished`` onto ``final`` on one file system, its content safe on disk first."""
    with finished.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(finished, final)


def sweep(folder: Path) -> None:
    """Remove what killed processes left of files that they were writing into ``folder``."""
    for path in folder.glob(".*.*.????????"):
        if path.is_dir() and {file.name for file in path.iterdir()} <= {path.name[1:-9]}:
            shutil.rmtree(path, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Create ``folder`` and its parents; `UsageError` when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create the folder {folder}: {error.strerror}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, all or nothing."""
    with staged(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON, all or nothing; NaN is refused, as JSON has none."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())


def refuse_existing(paths: list[Path], overwrite: bool) -> None:
    """Raise `OutputExistsError` if one of ``paths`` is there and ``overwrite`` is false."""
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        names = ", ".join(str(path) for path in there)
        raise OutputExistsError(f"already there: {names}", "Give --overwrite or another output")
