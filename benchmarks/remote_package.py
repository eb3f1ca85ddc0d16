"""Files for the other machine: this program as a wheel, models, and annotated faces."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import asmnet_edge
from asmnet_edge.benchmarks.cases import FOREIGN_SUFFIX, distinct_names
from asmnet_edge.benchmarks.evaluation_faces import missing_as_json
from asmnet_edge.benchmarks.foreign_description import read_foreign
from asmnet_edge.datasets.csv_table import TABLE, picture_suffix, table_files
from asmnet_edge.datasets.sample import Dataset
from asmnet_edge.errors import UsageError
from asmnet_edge.formats import FLOAT_SUFFIX
from asmnet_edge.io.manifest import artifact_files, manifest_path

SUBPACKAGES = ("benchmarks", "converters")  # beside asmnet_edge in a checkout
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


# Annotated faces copied to another machine: a CSV data set of the same picture files

FOLDER = "data"
NAMES = "faces.json"  # name of the faces on this machine, and the parts that this copy lacks


@dataclass(frozen=True)
class RemoteFaces:
    """Faces of one subset, as files for the other machine and by their name on this one."""

    dataset: Dataset
    subset: str

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield (path, content) of table, pictures and `NAMES`; `DataError` without the subset."""
        samples = self.dataset.samples(self.subset)
        names = [f"{n:05d}{picture_suffix(sample)}" for n, sample in enumerate(samples)]
        for path, content in table_files(samples, names):
            yield f"{FOLDER}/{path}", content
        missing = missing_as_json(self.dataset.missing(self.subset))
        names_here = {"on": f"{self.dataset.name} {self.subset}", "missing": missing}
        yield NAMES, json.dumps(names_here).encode()

    def words(self, folder: str) -> list[str]:
        """Return the options of ``benchmark run`` where the files lie in ``folder``."""
        return ["--data", f"csv:{folder}/{FOLDER}/{TABLE}", "--subset", "train"]


def named_as_here(content: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Return the record ``content`` with its faces named as `NAMES` has them."""
    faces = content["settings"]["faces"] | names
    results = [
        row | {"accuracy": row["accuracy"] | {"on": names["on"]}} if row.get("accuracy") else row
        for row in content["results"]
    ]
    return {**content, "settings": {**content["settings"], "faces": faces}, "results": results}
