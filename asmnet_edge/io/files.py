"""Atomic writing of files, folders and arrays, hashes, and the files that come with the package."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asmnet_edge.errors import OutputExistsError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sha256(source: Path | bytes) -> str:
    """Return the hex SHA-256 of a file's bytes, or of bytes that were read already."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_all(paths: Sequence[Path]) -> str:
    """Return the hash of ``paths``: of their hashes in this order; of a single file its own."""
    hashes = [sha256(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode())


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, renamed to it when the block succeeds, else removed.

    The name keeps the suffix, as most exporters choose the format by it. Renaming within a file
    system is atomic (POSIX), so no process ever reads half a file. `UsageError` when it cannot be
    written.
    """
    make_folder(path.parent)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            put_in_place(temporary, path)
    except BrokenPipeError:
        raise  # standard output was closed: not an error of this file
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder, renamed to ``path`` when the block succeeds, else removed.

    `OutputExistsError` if ``path`` exists and is not an empty folder: folders are never replaced.
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
    """Rename ``finished`` to ``final`` within a file system, after syncing its content to disk."""
    with finished.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(finished, final)


def sweep(folder: Path) -> None:
    """Remove temporary files that killed processes left in ``folder``."""
    for path in folder.glob(".*.*.????????"):
        if path.is_dir() and {file.name for file in path.iterdir()} <= {path.name[1:-9]}:
            shutil.rmtree(path, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Create ``folder`` and its parents; `UsageError` when that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create the folder {folder}: {error.strerror}") from error


def convert_paths(options: object, *names: str) -> None:
    """Turn the fields ``names`` of a frozen dataclass into paths, where they are text."""
    for name in names:
        value = getattr(options, name)
        if value is not None and not isinstance(value, Path):
            object.__setattr__(options, name, Path(value))


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with staged(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON, atomically; `ValueError` for NaN, which JSON lacks."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode())


def refuse_existing(paths: list[Path], overwrite: bool) -> None:
    """Raise `OutputExistsError` if one of ``paths`` exists and ``overwrite`` is false."""
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        names = ", ".join(str(path) for path in there)
        raise OutputExistsError(f"already there: {names}", "Give --overwrite or another output")


# Arrays by name in an ``.npz`` file, never pickled

# errors that reading a broken archive may raise
DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError),
    *(SyntaxError, tokenize.TokenError),  # NumPy reads array headers as Python
)


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write ``arrays`` to ``path`` atomically; the same arrays give the same bytes."""
    import numpy as np  # here, since the help of the command line must not load it

    with staged(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays ``names`` of the file; raises one of `DAMAGE` if it is broken.

    Each is read by name: a damaged archive directory may omit some without an error.
    """
    import numpy as np

    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in names}


# The models that come with the package

SHIPPED_FLOAT = "asmnet68.keras"
SHIPPED_FLOATS = (SHIPPED_FLOAT, "asmnet68-128.keras", "asmnet68-wild.keras")
SHIPPED_INT8 = "asmnet68-int8.tflite"
SAMPLE = "sample.jpg"  # four drawn people; scripts/make_pictures.py draws it


def shipped(name: str) -> Path:
    """Return the path of a file in the package's ``weights`` folder."""
    return Path(str(resources.files("asmnet_edge") / "weights" / name))


def sample_picture() -> Path:
    """Path of the sample picture, which `predict --sample` uses."""
    return Path(str(resources.files("asmnet_edge") / "assets" / SAMPLE))


def file_or_shipped(path: Path) -> Path:
    """Return ``path``, or the shipped model of that name if the file does not exist."""
    bare = len(path.parts) == 1 and not path.exists()
    return shipped(path.name) if bare and shipped(path.name).is_file() else path
