"""Files for the other machine: this program as a wheel, and the models to measure."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import asmnet_edge
from asmnet_edge.benchmarks.rows.foreign.described import read_foreign
from asmnet_edge.benchmarks.rows.order import FLOAT_SUFFIX, FOREIGN_SUFFIX, distinct_names
from asmnet_edge.errors import UsageError
from asmnet_edge.manifest import artifact_files, manifest_path

SUBPACKAGES = ("benchmarks", "cli", "converters", "data", "runtime", "training")
WHEEL = f"asmnet_edge-{asmnet_edge.__version__}-py3-none-any.whl"


def wheel() -> bytes:
    """Return the running program as a wheel; unpacking installs it, since all of it is Python."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, path in sorted(dict(_modules()).items()):
            archive.write(path, name)
        for name, text in _metadata().items():
            archive.writestr(f"asmnet_edge-{asmnet_edge.__version__}.dist-info/{name}", text)
    return packed.getvalue()


def _modules() -> Iterator[tuple[str, Path]]:
    """Yield (path in the wheel, file); subpackages may lie elsewhere in a checkout."""
    roots = [("asmnet_edge", asmnet_edge.__path__[0])]
    roots += [
        (f"asmnet_edge/{r}", import_module(f"asmnet_edge.{r}").__path__[0]) for r in SUBPACKAGES
    ]
    for inside, folder in roots:
        for path in Path(folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{inside}/{path.relative_to(folder).as_posix()}", path


def _metadata() -> dict[str, str]:
    version = asmnet_edge.__version__
    return {
        "METADATA": f"Metadata-Version: 2.1\nName: asmnet-edge\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: asmnet-edge\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        "RECORD": "",
    }


def files_of(path: Path) -> list[tuple[str, Path]]:
    """Return (path beside it, file) for all files of the model at ``path``: weights, manifest, the
    network that a TOML file names.
    """
    if path.suffix == FOREIGN_SUFFIX:
        files = read_foreign(path).files
        return [(path.name, path), *((_below(path, file), file) for file in files)]
    if path.suffix == FLOAT_SUFFIX:
        return [(path.name, path)]
    beside = [manifest_path(path)] if manifest_path(path).is_file() else []
    return [(f.name, f) for f in (*artifact_files(path), *beside) if f.is_file()]


def _below(path: Path, file: Path) -> str:
    """Return the path of ``file`` relative to the TOML file at ``path``."""
    if not file.is_relative_to(path.parent) or ".." in file.relative_to(path.parent).parts:
        raise UsageError(f"{path} names {file}, which is not below it", "Move it there for --ssh")
    return file.relative_to(path.parent).as_posix()


def places(models: Sequence[Path]) -> list[str]:
    """Return the path of each in the `bundle`: a numbered folder, since names may repeat, and as
    much of its path as keeps the name of its row the same there.
    """
    names = distinct_names(models)
    return [f"{number}/{names[path]}" for number, path in enumerate(models)]


def bundle(models: Sequence[Path], others: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """Return a tar of the wheel, the models in their `places`, and ``others`` by name."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        _add(archive, WHEEL, wheel())
        for place, path in zip(places(models), models, strict=True):
            folder = place.rpartition("/")[0]
            for name, file in dict.fromkeys(files_of(path)):
                _add(archive, f"{folder}/{name}", file.read_bytes())
        for name, content in others:
            _add(archive, name, content)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
