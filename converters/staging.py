"""Staging directories: artifacts are written there, checked, and published by renaming.

A kill at any moment leaves either nothing under an artifact's name, or a whole artifact with its
manifest. The next conversion removes what a killed one left.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asmnet_edge.errors import UsageError
from asmnet_edge.io.files import make_folder, put_in_place
from asmnet_edge.io.manifest import ArtifactManifest, artifact_files, manifest_path

PREFIX = ".converting-"
LOCK = "lock"
UNLOCKED_AGE = 3600.0  # seconds after which a directory that never got its lock is removed too
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
PROBE = 32 * 2**20  # bytes that must fit where a conversion failed, or the disk is to blame


@contextmanager
def staging_directory(folder: Path) -> Iterator[Path]:
    """Create a temporary directory within ``folder``; finished files only have to be renamed.

    Its owner holds a lock that a kill releases; unlocked directories are removed by the next call.
    `UsageError` when nothing can be written, whatever error a library raised because of that.
    """
    make_folder(folder)
    try:
        remove_abandoned(folder)
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}") from error
    try:
        with (place / "new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (place / "new").rename(place / LOCK)  # the lock is held before anyone can try it
            yield place
    except UsageError:
        raise
    except Exception as error:
        _blame_the_disk(error, [place, Path(tempfile.gettempdir())])
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove the staging directories that killed conversions left in ``folder``."""
    for place in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(place):
                shutil.rmtree(place, ignore_errors=True)


def _is_abandoned(place: Path) -> bool:
    """Whether the process that created ``place`` is gone; `OSError` while it is locked."""
    if not (place / LOCK).exists():
        return time.time() - place.stat().st_mtime > UNLOCKED_AGE
    with (place / LOCK).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def publish(path: Path, manifest: ArtifactManifest, folder: Path) -> ArtifactManifest:
    """Move the artifact at ``path`` to ``folder`` with its ``manifest``; return that, sealed.

    The file that names the artifact is removed first and put in place last; everything that has to
    be written is written before.
    """
    files = artifact_files(path)
    manifest = manifest.sealed(files)
    manifest.save(path)
    (folder / path.name).unlink(missing_ok=True)
    for file in [manifest_path(path), *files]:
        put_in_place(file, folder / file.name)
    return manifest


def _blame_the_disk(error: Exception, places: list[Path]) -> None:
    """Raise `UsageError` when one of ``places`` is full: few libraries report failed writes."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        raise _no_room(places[0], error) from error
    for place in places:
        try:
            _write_and_remove(place / f".probe-{os.getpid()}")
        except OSError as full:
            raise _no_room(place, full) from error


def _no_room(place: Path, error: OSError) -> UsageError:
    where = place.parent if place.name.startswith(PREFIX) else place
    return UsageError(
        f"cannot write into {where}: {error.strerror}",
        "Free some space, or give another --output; temporary files go to TMPDIR",
    )


def _write_and_remove(path: Path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(PROBE // 2**20):
                file.write(bytes(2**20))
    finally:
        path.unlink(missing_ok=True)
